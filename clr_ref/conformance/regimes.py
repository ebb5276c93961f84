"""The random inputs of the checks, drawn evenly over regimes.

A check names a *family* of configs (``CONFIGS``), and what it needs beside the config (``NEEDS``). Both consist of regimes,
such as steps beside the ends of cycles, or step sizes around 2^35. Every regime has its share of the inputs of a check, so that
a fault in one of them cannot hide behind the others. A *point* holds the whole numbers from which the inputs are computed:
smaller numbers mean a simpler regime, fewer digits and smaller steps.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from clr_ref.conformance.config import MAX_STEP, Config

EVERYDAY_SIZES = (1, 2, 3, 4, 5, 7, 10, 100, 937, 1874, 2000, 65_536)
#: The cycles in which 32-bit shifts and float32 powers of two overflow.
DEEP_CYCLES = (31, 32, 33, 34, 127, 128, 129)
#: The same, and those in which float64 powers of two overflow. One check alone draws them, so that such a bug fails only that.
DEEPEST_CYCLES = (*DEEP_CYCLES, 1023, 1024, 1025, 1026)
FAR_POWERS = (24, 31, 32, 53, 62)
#: The longest step_size at which the stops of schedulers are tried.
LONGEST_STOPPED = 20

# The first numbers differ, so that a failure is not shrunk to bounds that are equal: there every phase has the same rate.
_LOWS, _HIGHS = (0.0, 0.125, 1.0, 0.1, 0.01, 1e-3, 1e-4), (1.0, 0.125, 0.0, 0.1, 0.01, 1e-3, 1e-4)
_GAMMAS = (1.0, 0.5, 0.9, 0.99, 0.999, 0.99994)
_NEAR_1 = (0.999, 0.9999, 0.99999)
_BASE_MOMENTUMS, _MAX_MOMENTUMS = (0.5, 0.8, 0.85, 0.625), (1.0, 0.9, 0.95, 0.99, 0.875)
_HUNDREDTHS = (50, 25, 10, 30)

#: A config under ``config``, and under their names the inputs that a check needs.
Inputs = dict[str, Any]
Numbers = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Setting:
    """What the inputs of a check are drawn for. ``reach`` is the largest step at which the implementation can be evaluated."""

    policy: str
    dtype: str
    reach: int
    family: str
    needs: tuple[str, ...]

    @property
    def axes(self) -> tuple[tuple[Regime, ...], ...]:
        """The regimes of the configs, and of everything that the check needs."""
        return (CONFIGS[self.family], *(NEEDS[name] for name in self.needs))


@dataclasses.dataclass(frozen=True)
class Regime:
    """A part of the inputs: its name in docs/CONFORMANCE.md, how its numbers are drawn, and what they mean.

    ``meaning`` is called with the setting and the numbers for a config, and with the setting, the config and the numbers for
    what a check needs beside it.
    """

    name: str
    draw: Callable[[Random], Numbers]
    meaning: Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Point:
    """The numbers of one input: for each axis the index of its regime, and the numbers in it."""

    setting: Setting
    numbers: tuple[tuple[int, Numbers], ...]

    @property
    def inputs(self) -> Inputs:
        """The inputs that the numbers mean."""
        (regime, numbers), *rest = self.numbers
        family, *needs = self.setting.axes
        config = family[regime].meaning(self.setting, *numbers)
        inputs: Inputs = {"config": config}
        for name, axis, (index, given) in zip(self.setting.needs, needs, rest, strict=True):
            inputs[name] = axis[index].meaning(self.setting, config, *given)
        return inputs

    def simpler(self) -> Iterator[Point]:
        """Yields points of which one number is smaller, those with the smallest first."""
        family, numbers = self.numbers[0]
        if any(numbers) and self.setting.needs[:1] == ("step",):
            # One number alone may be stuck where a small step of the simplest config fails too.
            for small in range(16):
                yield self._with(0, family, (0,) * len(numbers))._with(1, 0, (small,))
        for axis, (regime, numbers) in enumerate(self.numbers):
            for simpler in range(regime):  # a simpler regime gets the first numbers that it draws, whatever they are
                yield self._with(axis, simpler, self.setting.axes[axis][simpler].draw(Random(0)))
            for index, number in enumerate(numbers):
                halves = {number - (number >> k) for k in range(1, number.bit_length())}
                for smaller in sorted({*range(min(number, 16)), *halves}):
                    if smaller < number:
                        yield self._with(axis, regime, (*numbers[:index], smaller, *numbers[index + 1 :]))

    def _with(self, axis: int, regime: int, numbers: Numbers) -> Point:
        return dataclasses.replace(self, numbers=(*self.numbers[:axis], (regime, numbers), *self.numbers[axis + 1 :]))


def points(setting: Setting, seed: int, count: int) -> Iterator[Point]:
    """Yields points whose regimes take turns, so that each has its share of every axis.

    The same arguments give the same points on every version of Python: ``random`` keeps the sequence of ``random()``.

    Args:
        setting: what they are drawn for.
        seed: any whole number.
        count: how many there are.
    """
    random = Random(f"{seed} {setting}")
    for number in range(count):
        chosen = []
        for axis in setting.axes:
            # All combinations of the axes come before one is repeated.
            number, regime = divmod(number, len(axis))
            chosen.append((regime, axis[regime].draw(random)))
        yield Point(setting, tuple(chosen))


def _below(random: Random, limit: int) -> int:
    """Returns a whole number from 0 to limit - 1, by ``random()`` alone."""
    number = 0
    for _ in range(-(-limit.bit_length() // 32)):  # random() has 53 bits
        number = (number << 32) + int(random.random() * 2**32)
    return number % limit


def _uniform(*limits: int) -> Callable[[Random], Numbers]:
    """Returns a function that draws one number below each limit."""
    return lambda random: tuple(_below(random, limit) for limit in limits)


def _few_or(random: Random, few: int, others: int) -> int:
    """Returns a number below ``few`` in half of the cases, else one of the ``others`` from there on."""
    return _below(random, few) if random.random() < 0.5 else few + _below(random, others)


def _binades(random: Random, first: int, last: int) -> int:
    """Returns a number from 2^first to 2^last - 1, evenly over the powers of two."""
    power = first + _below(random, last - first)
    return int(2**power + _below(random, 2**power))


# --- Configs -----------------------------------------------------------------------------------------------------------------

_OTHER_RATES = 7 * 99


def _bounds(random: Random) -> Numbers:
    return _few_or(random, len(_LOWS), _OTHER_RATES), _few_or(random, len(_HIGHS), _OTHER_RATES)


def _size(random: Random) -> int:
    others = _binades(random, 0, 20) - 1
    return _below(random, len(EVERYDAY_SIZES)) if random.random() < 0.5 else len(EVERYDAY_SIZES) + others


def _rate(index: int, few: Sequence[float]) -> float:
    """Returns a rate from 0 to 1 of at most two digits, or one of the few."""
    if index < len(few):
        return few[index]
    power, digits = divmod(index - len(few), 99)
    return float(f"{digits + 1}e{power - 8}")


def _everyday(setting: Setting, low: int, high: int, size: int, gamma: int) -> Config:
    """Returns a config of few digits, with initial <= maximal, a whole step_size and a gamma of at most 1."""
    initial, maximal = sorted((_rate(low, _LOWS), _rate(high, _HIGHS)))
    largest = LONGEST_STOPPED if "at" in setting.needs else max(setting.reach // 3, 1)
    step_size = EVERYDAY_SIZES[size] if size < len(EVERYDAY_SIZES) else size - len(EVERYDAY_SIZES) + 1
    decay = _GAMMAS[gamma] if gamma < len(_GAMMAS) else float(f"{gamma - len(_GAMMAS) + 1}e-3")
    if step_size > largest:
        step_size = step_size % largest + 1
    return Config(setting.policy, initial, maximal, step_size, decay if setting.policy == "exp_range" else 1.0, setting.dtype)


def _everyday_numbers(random: Random) -> Numbers:
    return (*_bounds(random), _size(random), _few_or(random, len(_GAMMAS), 999))


def _signed(change: Callable[[float, float], tuple[float, float]]) -> Callable[..., Config]:
    """Returns a meaning: an everyday config whose bounds are changed."""

    def meaning(setting: Setting, *numbers: int) -> Config:
        config = _everyday(setting, *numbers)
        initial, maximal = change(config.initial_learning_rate, config.maximal_learning_rate)
        return dataclasses.replace(config, initial_learning_rate=initial, maximal_learning_rate=maximal)

    return meaning


def _sized(size: Callable[..., float]) -> Callable[..., Config]:
    """Returns a meaning: an everyday config with the step_size that a function of it and of further numbers returns."""

    def meaning(setting: Setting, low: int, high: int, old: int, gamma: int, *more: int) -> Config:
        config = _everyday(setting, low, high, old, gamma)
        return dataclasses.replace(config, step_size=size(config, *more))

    return meaning


def _unequal(setting: Setting, low: int, high: int, old: int, gamma: int, kind: int, more: int) -> Config:
    """Returns an everyday config with two step sizes, and in half of the kinds with bounds in the other order.

    The fall is longer, the rise is longer, neither is whole, or each is 0.01 to 39.99: then they may be nearly equal.
    """
    config = _everyday(setting, low, high, old, gamma)
    size = int(config.step_size) % (setting.reach // 12) or 1
    long = (2 + more % 8) * size
    up, down = (float(f"{(number + 100) % 4000 or 1}e-2") for number in divmod(more, 4000)[::-1])
    rise, fall = ((size, long), (long, size), (size + 0.25, long + 0.3), (up, down))[kind % 4]
    bounds = (config.initial_learning_rate, config.maximal_learning_rate)
    initial, maximal = bounds[::-1] if kind >= 4 else bounds
    return dataclasses.replace(
        config, initial_learning_rate=initial, maximal_learning_rate=maximal, step_size=rise, step_size_down=fall
    )


def _with_momentums(setting: Setting, low: int, high: int, size: int, gamma: int, base: int, maximum: int) -> Config:
    """Returns an everyday config with two momentums; where PyTorch applies a momentum of 0, the velocity stays as it was."""
    config = _everyday(setting, low, high, size, gamma)
    return dataclasses.replace(config, base_momentum=_BASE_MOMENTUMS[base], max_momentum=_MAX_MOMENTUMS[maximum])


def _and_uniform(*limits: int) -> Callable[[Random], Numbers]:
    """Returns a function that draws the numbers of an everyday config, and one more below each limit."""
    return lambda random: (*_everyday_numbers(random), *_uniform(*limits)(random))


def _hundredths(number: int) -> float:
    return float(f"{_HUNDREDTHS[number] if number < len(_HUNDREDTHS) else number - len(_HUNDREDTHS) + 1}e-2")


def _to_the_last_bit(config: Config, power: int, digits: int) -> float:
    """Returns the step_size with a fraction between 2^-7 and the last bit of a float32, evenly over the powers of two.

    It is small, so that the last bits of a float32 are far behind the point.
    """
    size = config.step_size % 16 + 1
    last = 23 - int(math.log2(size))
    exponent = min(7 + power, last)
    return size + math.ldexp(1 + digits % 2 ** min(last - exponent, 10) / 1024, -exponent)


def _powered(gamma: Callable[..., float], largest: int) -> Callable[..., Config]:
    """Returns a meaning: an everyday config with another gamma, and a step_size of at most ``largest``."""

    def meaning(setting: Setting, low: int, high: int, size: int, old: int, *more: int) -> Config:
        config = _everyday(setting, low, high, size, old)
        return dataclasses.replace(config, gamma=gamma(*more), step_size=(config.step_size - 1) % largest + 1)

    return meaning


def _above_1(power: int, digits: int) -> float:
    """Returns a gamma from 1.00008 to 6, evenly over the powers of two of its logarithm."""
    return float(f"{2.0 ** math.ldexp(1 + digits / 64, 1 - power):.{2 + power // 3}f}") if power else 2.0 + digits / 16


def _below_everyday(digits: int, power: int) -> float:
    """Returns a gamma of one digit, from 9e-4 down to 1e-323."""
    return float(f"{digits + 1}e-{power + 4}")


def _unrounded(setting: Setting, low: int, high: int, peak: int, gamma: int) -> Config:
    """Returns a config whose first peak would show that gamma was rounded to float32.

    There a relative error of gamma has grown by the factor of the step, while gamma^t has not become too small.
    """
    bounds = _everyday(setting, 1, 0, 0, 0)  # some implementations cannot have an initial rate of 0
    decay = _NEAR_1[gamma] if gamma < len(_NEAR_1) else 1 - (gamma - len(_NEAR_1) + 1) * 2.0**-53
    limit = min(int(6 / (1 - decay)), setting.reach)
    size = 2**11 + peak
    high_rate = _rate(high, (1.0, 0.1, 0.01))
    size = size if size <= limit else 2**10 + size % (limit - 2**10)
    return dataclasses.replace(bounds, maximal_learning_rate=high_rate, step_size=size, gamma=decay)


def _unrounded_numbers(random: Random) -> Numbers:
    # 1 - gamma is a multiple of 2^-53, between 2^-20 and 2^-11.
    near = _below(random, 3) if random.random() < 0.25 else 2 + _binades(random, 33, 42)
    return 0, _few_or(random, 3, _OTHER_RATES), _binades(random, 11, 21) - 2**11, near


def _between(first: int, last: int) -> Regime:
    """Returns the regime of whole step sizes from 2^first to 2^last - 1, evenly over the powers of two."""
    return Regime(
        f"whole, 2^{first} to 2^{last}",
        _and_uniform(last - first, 2**last),
        _sized(lambda config, power, more: 2 ** (first + power) + more % 2 ** (first + power)),
    )


CONFIGS: dict[str, tuple[Regime, ...]] = {
    "everyday": (Regime("few digits, initial <= maximal, whole step_size to 2^20, gamma <= 1", _everyday_numbers, _everyday),),
    "bounds of any sign": (
        Regime("initial below 0", _everyday_numbers, _signed(lambda low, high: (-(high or 1.0), low))),
        Regime("maximal below 0", _everyday_numbers, _signed(lambda low, high: (low, -(high or 1.0)))),
        Regime("both below 0", _everyday_numbers, _signed(lambda low, high: (-(low or 0.125), -(high or 1.0)))),
    ),
    "fractional step sizes": (
        Regime("whole and hundredths", _and_uniform(99 + 4), _sized(lambda config, more: config.step_size + _hundredths(more))),
        Regime("fraction below 2^-7, to the last bit of a float32", _and_uniform(17, 1024), _sized(_to_the_last_bit)),
        Regime("hundredths below 1", _and_uniform(99 + 4), _sized(lambda config, more: _hundredths(more))),
    ),
    "large step sizes": (_between(20, 27), _between(27, 34), _between(34, 41)),
    "asymmetric cycles": (
        Regime(
            "one step size 2 to 9 times the other, or both 0.01 to 39.99; bounds in either order",
            _and_uniform(8, 4000**2),
            _unequal,
        ),
    ),
    "cycled momentum": (Regime("base 0.5 to 0.85, maximum 0.875 to 1, else everyday", _and_uniform(4, 5), _with_momentums),),
    "any gamma": (
        Regime("1.00008 to 6, to the overflow of the rate", _and_uniform(15, 64), _powered(_above_1, 2**20)),
        Regime("below 0.001, to 1e-323", _and_uniform(9, 320), _powered(_below_everyday, 8)),
    ),
    "gamma between two float32": (
        Regime("0.999 to 1 - 2^-20, the first peak at 2^10 to 2^21", _unrounded_numbers, _unrounded),
    ),
}

# --- What a check needs beside the config ------------------------------------------------------------------------------------


def _capped(setting: Setting, config: Config, step: int) -> int:
    """Returns a step within reach, at which gamma^t has not overflowed, and is not yet far too small to be seen."""
    most = min(setting.reach, MAX_STEP)
    if config.gamma > 1:
        # The rest of the exponents is for bounds, whose largest is 1, and for rounding.
        most = min(most, int((126 if config.dtype == "float32" else 1000) / math.log2(config.gamma)))
    elif config.gamma < 1e-3:
        most = 3
    else:
        return min(max(step, 0), most)
    return max(step, 0) % (most + 1)


def _small(setting: Setting, config: Config, into: int) -> int:
    return _capped(setting, config, into)


def _start(config: Config, half: int) -> float:
    """Returns the step at which the half cycle begins, counted from 0: a rise if it is even, else a fall."""
    if config.step_size_down is None:
        return half * config.step_size
    return half // 2 * (config.step_size + config.step_size_down) + half % 2 * config.step_size


def _corner(setting: Setting, config: Config, half: int, beside: int) -> int:
    return _capped(setting, config, int(_start(config, half)) + (0, 1, 2, -1, -2)[beside])


def _inside(setting: Setting, config: Config, half: int, into: int) -> int:
    length = config.step_size_down if half % 2 and config.step_size_down is not None else config.step_size
    return _capped(setting, config, int(_start(config, half)) + int(into * length) // 2**20)


def _deep(setting: Setting, config: Config, half: int, into: int) -> int:
    cycle = DEEP_CYCLES[half // 2]
    return _inside(setting, config, 2 * (cycle - 1) + half % 2, into)


def _cycles(number: Callable[[int], int]) -> Callable[[Setting, Config, int], int]:
    """Returns a meaning: a number of cycles, at most as many as are within reach."""
    return lambda setting, config, index: min(number(index), int(setting.reach / _start(config, 2)))


def _counted(deep: tuple[int, ...]) -> tuple[Regime, ...]:
    return (
        Regime("0 to 5", _uniform(6), _cycles(lambda index: index)),
        Regime("0 to 40", _uniform(41), _cycles(lambda index: index)),
        Regime(", ".join(map(str, deep)), _uniform(len(deep)), _cycles(lambda index: deep[index])),
    )


NEEDS: dict[str, tuple[Regime, ...]] = {
    "step": (
        Regime("0 to 20", _uniform(21), _small),
        Regime("at most 2 beside the ends and peaks of the first 50 cycles", _uniform(100, 5), _corner),
        Regime("inside the half cycles of the first 50 cycles", _uniform(100, 2**20 + 1), _inside),
        Regime("inside the cycles 31 to 34 and 127 to 129", _uniform(2 * len(DEEP_CYCLES), 2**20 + 1), _deep),
    ),
    "cycles": _counted(DEEP_CYCLES),
    "halvings": _counted(DEEPEST_CYCLES),
    "far": (
        Regime(
            "at most 3 beside 2^24, 2^31, 2^32, 2^53, 2^62",
            _uniform(len(FAR_POWERS), 7),
            lambda setting, config, power, beside: 2 ** FAR_POWERS[power] + (0, 1, 2, 3, -1, -2, -3)[beside],
        ),
        Regime(
            "2^24 to 2^63, evenly over the powers of two",
            lambda random: (_binades(random, 24, 63) - 2**24,),
            lambda setting, config, more: min(2**24 + more, MAX_STEP),
        ),
    ),
    "at": (
        Regime(
            "0 to 100, at most 3 cycles", _uniform(101), lambda setting, config, number: min(number, int(6 * config.step_size))
        ),
    ),
    "refused": tuple(
        Regime(f"the {which} wrong value of the check", _uniform(1), functools.partial(lambda index, *_: index, index))
        for index, which in enumerate(("first", "second", "third"))
    ),
}
