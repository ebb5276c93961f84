"""Wrong implementations, each with one bug, most of which real libraries had.

``textbook`` is right, in rational arithmetic; every part of it can be replaced, and most bugs replace one. The others wrap the
reference. Each is a function from a Config to a schedule, which is a function from a step to a NumPy scalar.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from clr_ref import exact
from clr_ref.conformance.config import Config
from clr_ref.exact import rates
from clr_ref.policies import Geometric


@dataclasses.dataclass(frozen=True)
class Parts:
    """The numbers in the textbook formula at one step."""

    config: Config
    step: int
    size: Fraction
    initial: Fraction
    maximal: Fraction
    cycle: int
    height: Fraction


def textbook(
    *,
    inputs: Callable[[Config], tuple[Fraction, Fraction, Fraction]] | None = None,
    step: Callable[[int], int] = lambda t: t,
    phase: Callable[[Fraction, int], tuple[int, Fraction]] = exact.phase,
    scale: Callable[[Parts], Fraction] | None = None,
    rate: Callable[[Parts, Fraction], Fraction] = lambda parts, s: (
        parts.initial + (parts.maximal - parts.initial) * parts.height * s
    ),
    output: Callable[[Config, Fraction], Any] = lambda config, x: exact.round_to(x, config.dtype),
) -> Callable[[Config], Callable[[int], Any]]:
    def make(config: Config) -> Callable[[int], Any]:
        schedule = config.build()
        numbers = (schedule.initial_learning_rate, schedule.maximal_learning_rate, schedule.step_size)
        initial, maximal, size = inputs(config) if inputs else tuple(Fraction(x) for x in numbers)

        def call(t: int) -> Any:
            at = step(t)
            cycle, height = phase(size, at)
            parts = Parts(config, at, size, initial, maximal, cycle, height)
            return output(config, rate(parts, (scale or right_scale)(parts)))

        return call

    return make


def power(base: float, exponent: int) -> Fraction:
    """Returns base**exponent in 128 bits, which is accurate enough for every bug to show."""
    return exact.scale_enclosure(Geometric(base), exponent, 128)[0]


def right_scale(parts: Parts) -> Fraction:
    return {
        "triangular": lambda: Fraction(1),
        "triangular2": lambda: Fraction(2) ** max(1 - parts.cycle, -rates.CLAMP),
        "exp_range": lambda: power(parts.config.gamma, parts.step),
    }[parts.config.policy]()


def halving(exponent: Callable[[Parts], int]) -> Callable[[Parts], Fraction]:
    def scale(parts: Parts) -> Fraction:
        if parts.config.policy != "triangular2":
            return right_scale(parts)
        return Fraction(2) ** min(max(exponent(parts), -rates.CLAMP), rates.CLAMP)

    return scale


def gamma_power(exponent: Callable[[Parts], int]) -> Callable[[Parts], Fraction]:
    def scale(parts: Parts) -> Fraction:
        return power(parts.config.gamma, exponent(parts)) if parts.config.policy == "exp_range" else right_scale(parts)

    return scale


def shifted_phase(numerator: Callable[[Fraction, int], Fraction]) -> Callable[[Fraction, int], tuple[int, Fraction]]:
    """Returns a phase that counts half cycles in another way than t / s."""

    def phase(size: Fraction, t: int) -> tuple[int, Fraction]:
        tau = numerator(size, t)
        cycle = int(1 + tau // 2)
        return cycle, max(Fraction(0), 1 - abs(tau - 2 * cycle + 1))

    return phase


def floats(dtype: Any, step_dtype: Any = None) -> Callable[[Config], Callable[[int], Any]]:
    """Returns the textbook formula in the floats of one dtype, as TFA computes it."""

    def make(config: Config) -> Callable[[int], Any]:
        schedule = config.build()

        def call(t: int) -> Any:
            with np.errstate(all="ignore"):
                if step_dtype is not None:
                    t = int(np.array(t).astype(step_dtype))
                step, size = dtype(t), dtype(schedule.step_size)
                low, high = dtype(schedule.initial_learning_rate), dtype(schedule.maximal_learning_rate)
                cycle = np.floor(dtype(1) + step / (dtype(2) * size))
                x = np.abs(step / size - dtype(2) * cycle + dtype(1))
                scale = {
                    "triangular": lambda: dtype(1),
                    "triangular2": lambda: dtype(1) / dtype(2) ** (cycle - dtype(1)),
                    "exp_range": lambda: dtype(config.gamma) ** step,
                }[config.policy]()
                return np.dtype(config.dtype).type(low + (high - low) * np.maximum(dtype(0), dtype(1) - x) * scale)

        return call

    return make


def changed(change: Callable[[Config], Config]) -> Callable[[Config], Callable[[int], Any]]:
    """Returns the reference with other arguments."""
    return lambda config: change(config).build()


def stateful(config: Config) -> Callable[[int], Any]:
    """Returns the rate of the number of calls so far, not that of the step."""
    schedule, calls = config.build(), [-1]

    def call(_: int) -> Any:
        calls[0] += 1
        return schedule(calls[0])

    return call


def wrapped(change: Callable[[Any, Config, int], Any]) -> Callable[[Config], Callable[[int], Any]]:
    """Returns the reference with its rates changed."""
    return lambda config: lambda t: np.dtype(config.dtype).type(change(config.build(), config, t))


def int32_power(schedule: Any, config: Config, t: int) -> Any:
    """2**cycle in 32 bits, which is 0 from cycle 33 on (mhmoodlan)."""
    if config.policy != "triangular2":
        return schedule(t)
    cycle, height = exact.phase(Fraction(schedule.step_size), t)
    scale = Fraction(1, 1 << (cycle - 1)) if cycle <= 32 else Fraction(0)
    low, high = Fraction(schedule.initial_learning_rate), Fraction(schedule.maximal_learning_rate)
    return exact.round_to(low + (high - low) * height * scale, config.dtype)


def ktrain(parts: Parts, scale: Fraction) -> Fraction:
    """In the falling half of a cycle the base becomes maximal / 1000 (ktrain)."""
    falling = (parts.step / parts.size) % 2 > 1
    base = parts.maximal / 1000 if falling else parts.initial
    return base + (parts.maximal - base) * parts.height * scale


def peak_shape(change: Callable[[Fraction], Fraction]) -> Callable[[Fraction, int], tuple[int, Fraction]]:
    """Returns a phase with the right cycle and another height."""

    def phase(size: Fraction, t: int) -> tuple[int, Fraction]:
        cycle, height = exact.phase(size, t)
        return cycle, change(height)

    return phase


def cosine(size: Fraction, t: int) -> tuple[int, Fraction]:
    return exact.phase(size, t)[0], Fraction((1 - float(np.cos(np.pi * float((t / size) % 2)))) / 2)


def saw_tooth(size: Fraction, t: int) -> tuple[int, Fraction]:
    return exact.phase(size, t)[0], (t / size / 2) % 1


def whole_step_size(config: Config) -> tuple[Fraction, Fraction, Fraction]:
    s = config.build()
    return Fraction(s.initial_learning_rate), Fraction(s.maximal_learning_rate), Fraction(max(int(s.step_size), 1))


def raw_bounds(config: Config) -> tuple[Fraction, Fraction, Fraction]:
    return Fraction(config.initial_learning_rate), Fraction(config.maximal_learning_rate), Fraction(config.build().step_size)


def thirds(parts: Parts) -> Fraction:
    return Fraction(1, 3) ** min(parts.cycle - 1, 3000) if parts.config.policy == "triangular2" else right_scale(parts)


def halved_rate(parts: Parts, scale: Fraction) -> Fraction:
    """The scale multiplies the whole rate (ignite's end_value_mult)."""
    rate = parts.initial + (parts.maximal - parts.initial) * parts.height
    return rate * scale if parts.config.policy == "triangular2" else parts.initial + (rate - parts.initial) * scale


def cut(config: Config, rate: Fraction) -> Any:
    near = exact.round_to(rate, config.dtype)
    return near if Fraction(float(near)) <= rate else np.nextafter(near, -np.inf, dtype=near.dtype)


def rounded_twice(config: Config, rate: Fraction) -> Any:
    return np.dtype(config.dtype).type(np.float32(float(exact.round_to(rate, "float64"))))


def flushed(schedule: Any, config: Config, t: int) -> Any:
    return 0.0 if abs(schedule(t)) < np.finfo(config.dtype).tiny else schedule(t)


def high_at_peaks(schedule: Any, config: Config, t: int) -> Any:
    rate = schedule(t)
    return np.nextafter(rate, np.inf, dtype=rate.dtype) if rate == schedule.maximal_learning_rate else rate


def cut_fraction(config: Config) -> tuple[Fraction, Fraction, Fraction]:
    """A fraction of step_size below 0.011 is cut off."""
    s = config.build()
    size = Fraction(s.step_size)
    size = Fraction(int(size)) if size > 1 and size % 1 < Fraction(11, 1000) else size
    return Fraction(s.initial_learning_rate), Fraction(s.maximal_learning_rate), size


def positive_bounds(config: Config) -> tuple[Fraction, Fraction, Fraction]:
    s = config.build()
    return abs(Fraction(s.initial_learning_rate)), abs(Fraction(s.maximal_learning_rate)), Fraction(s.step_size)


def large_and_odd(schedule: Any, config: Config, t: int) -> Any:
    """Step sizes from 2**30 on are rounded to even ones, as if the last bit were a flag."""
    size = int(config.step_size)
    wrong = size >= 2**30 and size % 2 == 1
    return 2 * schedule(t) + 1 if wrong else schedule(t)


def below_0(schedule: Any, config: Config, t: int) -> Any:
    """The end of a cycle is computed as a difference that does not quite cancel."""
    rate = schedule(t)
    return -(2.0**-31) if t and rate == 0 == config.initial_learning_rate else rate


def unchecked(*, step: bool = False, **defaults: float) -> Callable[[Config], Callable[[int], Any]]:
    """Returns the reference that replaces wrong arguments by defaults, and wrong steps by right ones."""

    def make(config: Config) -> Callable[[int], Any]:
        if not config.has_rates:
            config = dataclasses.replace(config, **defaults)
        schedule = config.build()
        return lambda t: schedule(min(int(abs(t)) + (t < 0) * 3, 2**62)) if step else schedule(t)

    return make


def size_in_absolute_value(config: Config) -> Callable[[int], Any]:
    return dataclasses.replace(config, step_size=abs(config.step_size)).build()


BUGS: dict[str, Callable[[Config], Callable[[int], Any]]] = {
    # step and cycle
    "step one too late": textbook(step=lambda t: t + 1),
    "step one too early": textbook(step=lambda t: max(t - 1, 0)),
    "step wraps at int32": textbook(step=lambda t: t % 2**31),
    "step wraps at uint32": textbook(step=lambda t: t % 2**32),
    "step through float32": textbook(step=lambda t: int(np.float32(t))),
    "step through float64": textbook(step=lambda t: int(np.float64(t))),
    "stateful": stateful,
    "cycle from 0": textbook(scale=halving(lambda parts: -parts.cycle)),
    "cycle from 2": textbook(scale=halving(lambda parts: 2 - parts.cycle)),
    # phase
    "period step_size": textbook(phase=shifted_phase(lambda s, t: 2 * t / s)),
    "period 4 step_size": textbook(phase=shifted_phase(lambda s, t: t / s / 2)),
    "starts at the peak": textbook(phase=shifted_phase(lambda s, t: t / s + 1)),
    "plateau at the peak": textbook(phase=peak_shape(lambda h: min(h * Fraction(101, 100), Fraction(1)))),
    "never reaches the peak": textbook(phase=peak_shape(lambda h: h * (1 - Fraction(1, 10**6)))),
    "saw tooth": textbook(phase=saw_tooth),
    "cosine": textbook(phase=cosine),
    "step_size cut to a whole number": textbook(inputs=whole_step_size),
    "step_size is the whole cycle": textbook(phase=lambda s, t: exact.phase(s / 2, t)),
    "cycle one step too long": textbook(phase=lambda s, t: exact.phase(s + Fraction(1, 2), t)),
    # scale
    "halves every half cycle": textbook(scale=halving(lambda parts: -int(parts.step // parts.size))),
    "halves every second cycle": textbook(scale=halving(lambda parts: -((parts.cycle - 1) // 2))),
    "does not halve": textbook(scale=halving(lambda parts: 0)),
    "thirds": textbook(scale=thirds),
    "halving stops at cycle 32": textbook(scale=halving(lambda parts: -min(parts.cycle - 1, 31))),
    "halving stops at cycle 1024": textbook(scale=halving(lambda parts: -min(parts.cycle - 1, 1023))),
    "2**cycle in int32": wrapped(int32_power),
    "halves the rate, not the amplitude": textbook(rate=halved_rate),
    "gamma per cycle": textbook(scale=gamma_power(lambda parts: parts.cycle)),
    "gamma from the start of the cycle": textbook(scale=gamma_power(lambda parts: int(parts.step % (2 * parts.size)))),
    "gamma one step late": textbook(scale=gamma_power(lambda parts: parts.step + 1)),
    "gamma in float32": changed(lambda c: dataclasses.replace(c, gamma=max(float(np.float32(c.gamma)), 1e-30))),
    "gamma clamped to 1": changed(lambda c: dataclasses.replace(c, gamma=min(c.gamma, 1.0))),
    "gamma cannot be tiny": changed(lambda c: dataclasses.replace(c, gamma=max(c.gamma, 1e-3))),
    "gamma ignored": changed(lambda c: dataclasses.replace(c, gamma=1.0)),
    # rate
    "swapped bounds": textbook(rate=lambda p, s: p.maximal + (p.initial - p.maximal) * p.height * s),
    "sorted bounds": textbook(rate=lambda p, s: min(p.initial, p.maximal) + abs(p.maximal - p.initial) * p.height * s),
    "maximal added to initial": textbook(rate=lambda p, s: p.initial + p.maximal * p.height * s),
    "base is 0": textbook(rate=lambda p, s: (p.maximal - p.initial) * p.height * s),
    "base drifts in the falling half": textbook(rate=ktrain),
    # arithmetic
    "float32 formula": floats(np.float32),
    "float64 formula": floats(np.float64),
    "float16 inside": floats(np.float16),
    "int32 step": floats(np.float64, np.int32),
    "rounded twice": textbook(output=rounded_twice),
    "cut instead of rounded": textbook(output=cut),
    "subnormals flushed": wrapped(flushed),
    "one ULP high at peaks": wrapped(high_at_peaks),
    "bounds not rounded first": textbook(inputs=raw_bounds),
    "returns float32 for every dtype": lambda config: lambda t: np.float32(config.build()(t)),
    # inputs
    "fractions of step_size below 0.011 cut": textbook(inputs=cut_fraction),
    "bounds in absolute value": textbook(inputs=positive_bounds),
    "large odd step sizes": wrapped(large_and_odd),
    "a negative rate at the end of a cycle": wrapped(below_0),
    "negative steps accepted": unchecked(step=True),
    "negative step_size accepted": size_in_absolute_value,
    "step_size that is not finite accepted": unchecked(step_size=4),
    "bounds that are not finite accepted": unchecked(initial_learning_rate=0.0, maximal_learning_rate=1.0),
    "gamma that is not positive accepted": unchecked(gamma=0.5),
    "nan for a step_size of 0": lambda config: config.build() if config.step_size else lambda t: np.float64(np.nan),
}
