"""The benchmark: all contenders in one run, interleaved, so that a noisy machine is as noisy to each of them.

pytest-benchmark, which tests/benchmarks runs on the same contenders, measures one benchmark to its end before it starts the
next; a machine that slows down for a minute then makes a slow contender of whoever came last. Here every round asks every
contender once, a ratio is taken within the round, and what is reported is the median of the ratios and their spread.
"""

from __future__ import annotations

import dataclasses
import functools
import gc
import importlib.metadata
import importlib.util
import json
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clr_ref import contenders
from clr_ref.contenders import CONTENDERS, KEY_FIGURES, LIMIT, POLICIES, Call

FORMAT = 1
SIZES = (1, 1_000, 100_000, 10_000_000)
#: A key figure fails if its ratio is more than this many times the stored one, measured on the same processor.
SAME_PROCESSOR = 2.0
#: Between two processors ratios to np.full differ by up to 2.7 without any change of code: the caches differ, and in them
#: np.full is fastest. A lost fast path costs more than 10, so that 4 still finds it.
OTHER_PROCESSOR = 4.0
#: Seconds that one sample takes at least: many times what it costs to look at the clock.
_SAMPLE = 1e-3
_LIBRARIES = (
    "numpy",
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-addons",
    "keras",
    "tf-keras",
    "torch",
    "paddlepaddle",
    "lrsched",
)


@dataclasses.dataclass(frozen=True)
class Figure:
    """One contender at one size. ``median`` is in CPU seconds a call; ``ratio`` is to ``base``, with its quartiles.

    ``memory`` is the peak of what NumPy and Python allocated during a call, as a multiple of the result's bytes; None where
    somebody else allocates, or the result is one number.
    """

    contender: str
    size: int
    base: str
    median: float
    ratio: float
    low: float
    high: float
    memory: float | None = None


@dataclasses.dataclass(frozen=True)
class Overhead:
    """What a schedule adds to a compiled train step. ``step`` is the whole step; ``extra``, ``low`` and ``high`` the median and
    the quartiles of the differences to the same step with a constant rate, within a round; all in seconds.
    """

    schedule: str
    mode: str
    step: float
    extra: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Report:
    """One run. ``missing`` says why contenders are not in it; ``harness`` and ``training`` hold what they were asked for."""

    machine: Mapping[str, str]
    figures: tuple[Figure, ...]
    missing: Mapping[str, str]
    harness: Mapping[str, float] = dataclasses.field(default_factory=dict)
    training: tuple[Overhead, ...] = ()

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The report that ``to_json`` wrote.

        Raises:
            ValueError: not JSON of that form.
        """
        try:
            data = json.loads(text)
            if data.pop("format") != FORMAT:
                raise ValueError(f"format must be {FORMAT}")
            data["figures"] = tuple(Figure(**figure) for figure in data["figures"])
            data["training"] = tuple(Overhead(**found) for found in data["training"])
            return cls(**data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a report of clr-ref bench: {error}") from None


def interleaved(calls: Mapping[Any, Call], rounds: int) -> dict[Any, list[float]]:
    """CPU seconds a call, per contender and round.

    Every round asks each of them in turn, in an order of its own, and once more before it counts: what ran before has left its
    own data in the caches, and its own state in the allocator. All run on one thread, so that CPU time is what they cost and
    what others do to the machine counts less.
    """
    repeats = {}
    for name, call in calls.items():
        call()
        repeats[name] = 1
        while _timed(call, repeats[name]) * repeats[name] < _SAMPLE:
            repeats[name] *= 2
    found: dict[Any, list[float]] = {name: [] for name in calls}
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        order, names = random.Random(0), list(calls)
        for _ in range(rounds):
            order.shuffle(names)
            gc.collect()
            for name in names:
                calls[name]()
                found[name].append(_timed(calls[name], repeats[name]))
    finally:
        if was_enabled:
            gc.enable()
    return found


def _timed(call: Call, repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def figure(contender: str, size: int, base: str, times: list[float], base_times: list[float], memory: float | None) -> Figure:
    """Times by round, as the median of the ratios within a round and their quartiles."""
    ratios = [mine / theirs for mine, theirs in zip(times, base_times, strict=True)]
    low, ratio, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return Figure(contender, size, base, statistics.median(times), ratio, low, high, memory)


def measure(
    names: Iterable[str],
    sizes: Iterable[int] = SIZES,
    rounds: int = 11,
    done: Callable[[str], None] = lambda text: None,
) -> tuple[list[Figure], dict[str, str]]:
    """Contenders at sizes, and why some are missing. ``np.full`` is always measured."""
    names = [LIMIT, *(name for name in names if name != LIMIT)]
    figures, missing = [], {}
    for size in sizes:
        calls, memory = {}, {}
        for name in names:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # old TensorFlows warn when they are imported
                try:
                    calls[name] = CONTENDERS[name](size)
                    memory[name] = _memory(name, calls[name], size)
                except ImportError as error:
                    missing[name] = str(error)
                except NotImplementedError:
                    continue
        times = interleaved(calls, rounds)
        figures += [figure(name, size, LIMIT, times[name], times[LIMIT], memory[name]) for name in calls]
        done(f"{size:,} steps: {len(calls)} contenders")
    return figures, missing


def _memory(name: str, call: Call, size: int) -> float | None:
    if size == 1 or not name.startswith((LIMIT, "reference", "tfa_arithmetic")):
        return None
    call()
    tracemalloc.start()
    try:
        answer = call()
        return tracemalloc.get_traced_memory()[1] / float(answer.nbytes)
    finally:
        tracemalloc.stop()


_REFERENCE = """import clr_ref

def make(policy, **numbers):
    return getattr(clr_ref, policy)(**numbers)
"""


def harness(rounds: int = 21) -> dict[str, float]:
    """What the package costs as such: CPU seconds of fresh processes, medians, and imports as a ratio.

    In a checkout, and with pytest-xdist, also how long the tests take on two processes where no framework can be imported.

    Raises:
        RuntimeError: the tests fail.
    """
    imports = statistics.median(_process("import clr_ref") / _process("import numpy") for _ in range(rounds))
    found = {"import clr_ref / import numpy": imports}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference.py"
        path.write_text(_REFERENCE, "utf-8")
        for words in (["verify"], ["conform", f"{path}:make"]):
            code = f"from clr_ref.cli import main; main({[*words, '--json']!r})"
            found[f"clr-ref {words[0]}, CPU seconds"] = statistics.median(_process(code) for _ in range(3))
    if Path("tests", "without_frameworks.py").exists() and importlib.util.find_spec("xdist") is not None:
        command = [sys.executable, "-m", "pytest", "-p", "tests.without_frameworks", "-n", "2", "-q"]
        start = time.perf_counter()
        if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
            raise RuntimeError(f"the tests fail: {' '.join(command[1:])}")
        found["the tests that need no framework, seconds on two processes"] = time.perf_counter() - start
    return found


def _process(code: str) -> float:
    """CPU seconds of a fresh Python."""
    import resource  # of POSIX alone, and finer than os.times, whose hundredths of a second are a tenth of an import

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def training(rounds: int = 201, steps: int = 100) -> list[Overhead]:
    """What each schedule adds to a compiled train step.

    The step is a small one and its time is that of the CPU, on one thread, since a difference of microseconds is lost in the
    noise of a large step, and of other processes. TFA's exp_range is not there: it cannot train where steps are int64.

    Raises:
        ImportError, RuntimeError: Keras on TensorFlow is not there.
    """
    schedules: dict[str, Callable[[], Any]] = {
        "constant": lambda: 1e-3,
        **{f"Keras drop-in {policy}": functools.partial(contenders.drop_in_schedule, policy) for policy in POLICIES},
        "CosineDecay": contenders.cosine_schedule,
    }
    if importlib.util.find_spec("tensorflow_addons"):
        for policy in POLICIES[:2]:
            schedules[f"TFA {policy}"] = functools.partial(contenders.tfa_schedule, policy)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        contenders.tensorflow()
        for mode in ("function", "jit_compile"):
            calls = {name: _train_steps(make(), mode == "jit_compile", steps) for name, make in schedules.items()}
            times = interleaved(calls, rounds)
            for name in schedules:
                extra = [(mine - base) / steps for mine, base in zip(times[name], times["constant"], strict=True)]
                low, middle, high = statistics.quantiles(extra, n=4, method="inclusive")
                found.append(Overhead(name, mode, statistics.median(times[name]) / steps, middle, low, high))
    return found


def _train_steps(learning_rate: Any, jit_compile: bool, steps: int) -> Call:
    """``steps`` steps of a dense network (64, 10) on a batch of 32 with plain SGD, in one call of one compiled function.

    So does Keras with ``steps_per_execution``. Calls from Python would take five times as long as the steps, and drown them.
    """
    from clr_ref import _keras_api

    tf, keras = _keras_api.tensorflow(), _keras_api.keras
    model = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(10)])
    x, y = tf.random.stateless_normal((32, 64), (0, 0)), tf.zeros((32,), tf.int64)
    optimizer = keras.optimizers.SGD(learning_rate)
    model(x)
    if hasattr(optimizer, "build"):
        optimizer.build(model.trainable_variables)

    def step() -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=True)))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    @tf.function(jit_compile=jit_compile)  # type: ignore[untyped-decorator]
    def run() -> Any:
        for _ in tf.range(steps):
            step()
        return optimizer.iterations

    return lambda: np.asarray(run())


def machine() -> dict[str, str]:
    """What the run ran on, as far as its ratios may depend on it."""
    found = {"python": platform.python_version(), "system": platform.system(), "processor": _processor()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@dataclasses.dataclass(frozen=True)
class Change:
    """One figure, now and then. Both ratios are to the same base; a key figure may grow to ``limit`` times ``then``."""

    contender: str
    size: int
    now: float
    then: float
    key: bool
    limit: float

    @property
    def holds(self) -> bool:
        return not self.key or self.now <= self.limit * self.then


def compare(now: Report, then: Report) -> list[Change]:
    """The figures that both reports have; key figures first."""
    same = now.machine.get("processor") == then.machine.get("processor")
    limit = SAME_PROCESSOR if same else OTHER_PROCESSOR
    old = {(figure.contender, figure.size): figure.ratio for figure in then.figures}
    found = [
        Change(f.contender, f.size, f.ratio, old[f.contender, f.size], (f.contender, f.size) in KEY_FIGURES, limit)
        for f in now.figures
        if f.contender != LIMIT and (f.contender, f.size) in old
    ]
    return sorted(found, key=lambda change: not change.key)
