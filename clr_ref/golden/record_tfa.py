"""Record what TensorFlow Addons answers, on the one TFA x TensorFlow pair that is installed here.

This file runs where TFA lives: Python 3.7 to 3.11, with TensorFlow, TensorFlow Addons, NumPy and the standard library and
nothing else. It therefore imports nothing from clr_ref and keeps to the syntax of Python 3.7; ``clr-ref golden record``
runs it twice, in two processes, and compares what they wrote.

    python record_tfa.py --cases golden/cases.json --out DIR [--tensorflow 2.15.1] [--tensorflow-addons 0.23.0]

It writes DIR/records/tf-X_tfa-Y.json and DIR/values/<case>/<mode>-<hash8>.csv, and exits with 2, having written nothing,
where the installed versions are not the ones that were asked for.
"""

import argparse
import hashlib
import inspect
import json
import os
import platform
import sys
import tempfile
from typing import Any, Dict

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the record is that of the CPU, whatever the machine has

import numpy as np

FORMAT = 1
MODES = ("eager", "function", "xla")
STEP_DTYPES = ("python int", "int64", "float32")


# --- building TFA's schedules ------------------------------------------------------------------------------------------


def scale_function(policy: str, gamma: Any) -> Any:
    """The scale function that a user of the base class would write for the policy."""
    if policy == "triangular":
        return lambda x: 1.0
    if policy == "triangular2":
        return lambda x: 1 / (2.0 ** (x - 1))
    return lambda x: gamma**x


def build(
    optimizers: Any, cls: str, policy: str, initial: Any, maximal: Any, step_size: Any, gamma: Any, scale_mode: Any
) -> Any:
    """Construct one of TFA's four classes; some 0.8 releases demand a ``scale_fn`` on the subclasses too."""
    factory = getattr(optimizers, cls)
    accepted = inspect.signature(factory.__init__).parameters
    arguments = {"step_size": step_size, "scale_mode": scale_mode}
    if "scale_fn" in accepted:
        arguments["scale_fn"] = scale_function(policy, gamma)
    if cls == "ExponentialCyclicalLearningRate":
        arguments["gamma"] = gamma
    return factory(initial, maximal, **arguments)


def build_case(optimizers: Any, case: Any) -> Any:
    """The schedule of one case: Python numbers as a user writes them, a NumPy float64 where the case is in float64."""
    numbers = {name: float.fromhex(value["hex"]) for name, value in case["inputs"].items()}
    step_size = numbers["step_size"]
    if step_size == int(step_size):
        step_size = int(step_size)
    initial = numbers["initial_learning_rate"]
    if case["dtype"] == "float64":
        initial = np.float64(initial)
    return build(
        optimizers,
        case["class"],
        case["policy"],
        initial,
        numbers["maximal_learning_rate"],
        step_size,
        numbers.get("gamma"),
        case["scale_mode"],
    )


# --- evaluating --------------------------------------------------------------------------------------------------------


def compiled(tf: Any, schedule: Any, mode: str) -> Any:
    """The schedule as the execution mode runs it."""
    if mode == "eager":
        return schedule
    if mode == "function":
        return tf.function(schedule.__call__)
    accepted = inspect.signature(tf.function).parameters
    name = "jit_compile" if "jit_compile" in accepted else "experimental_compile"
    return tf.function(schedule.__call__, **{name: True})


def as_steps(tf: Any, steps: Any, step_dtype: str) -> Any:
    if step_dtype == "python int":
        return steps
    return tf.constant(np.asarray(steps, step_dtype))


def evaluate(tf: Any, call: Any, case: Any, mode: str, step_dtype: str) -> Any:
    """The steps of the case that this mode answers, and the answers as one NumPy array.

    Python ints exist one at a time only; under tf.function each is a new trace, so there only ``traced_steps`` are asked.
    """
    steps = [t for start, stop in case["steps"] for t in range(start, stop)]
    if step_dtype == "python int" and mode != "eager":
        steps = case["traced_steps"]
    if case["call"] == "array" and step_dtype != "python int":
        return steps, np.asarray(call(as_steps(tf, steps, step_dtype)))
    return steps, np.array([np.asarray(call(as_steps(tf, t, step_dtype))) for t in steps])


def digest(values: Any) -> str:
    """sha256 of the little-endian bytes of the values."""
    return hashlib.sha256(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()).hexdigest()


def differing(steps: Any, values: Any, array: Any) -> int:
    """How many of the steps within the array have other bits there than when they were asked by themselves."""
    inside = [(v, array[t]) for t, v in zip(steps, values) if t < len(array)]
    return sum(a.tobytes() != b.tobytes() for a, b in inside)


def first_line(error: BaseException) -> Dict[str, str]:
    """Class and first informative line of an exception, without what differs from run to run."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # tf.function of TF 2.1 to 2.15 puts a heading and a traceback above the message of an error inside the trace.
    if lines and lines[0].endswith("code:"):
        lines = [line for line in lines if line.startswith(type(error).__name__ + ":")] or lines
    text = lines[0] if lines else ""
    prefix = type(error).__name__ + ": "
    if text.startswith(prefix):
        text = text[len(prefix) :]
    return {"class": type(error).__name__, "message": text[:200]}


# --- writing -----------------------------------------------------------------------------------------------------------


def decimal(value: Any) -> str:
    if not np.isfinite(value):
        return repr(float(value))
    return np.format_float_scientific(value, unique=True, trim="-")


def values_csv(steps: Any, values: Any) -> str:
    rows = ["step,hex,decimal"]
    rows += ["%d,%s,%s" % (t, float(v).hex(), decimal(v)) for t, v in zip(steps, values)]
    return "\n".join(rows) + "\n"


def write_atomically(path: str, text: str) -> None:
    """Write a file whole or not at all under its name."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = "%s.tmp-%d" % (path, os.getpid())
    with open(temporary, "w", newline="\n", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)


def record_case(tf: Any, optimizers: Any, case: Any, digest_steps: int, out: str) -> Any:
    """Per mode and step dtype: the values file and the digest, or the error that TFA raised."""
    results: Dict[str, Dict[str, Any]] = {}
    for mode in MODES:
        results[mode] = {}
        for step_dtype in STEP_DTYPES:
            try:
                call = compiled(tf, build_case(optimizers, case), mode)
                steps, values = evaluate(tf, call, case, mode, step_dtype)
                if str(values.dtype) != case["dtype"]:
                    raise AssertionError("TFA answered %s, the case says %s" % (values.dtype, case["dtype"]))
                entry: Dict[str, Any] = {}
                if step_dtype != "python int":
                    array = np.asarray(call(as_steps(tf, np.arange(digest_steps), step_dtype)))
                    entry["digest"] = digest(array)
                    entry["differs_in_array"] = differing(steps, values, array)
            except AssertionError:
                raise
            except Exception as error:  # whatever TFA raises is what the record is for
                results[mode][step_dtype] = {"error": first_line(error)}
                continue
            text = values_csv(steps, values)
            name = "%s-%s.csv" % (mode, hashlib.sha256(text.encode("utf-8")).hexdigest()[:8])
            write_atomically(os.path.join(out, "values", case["id"], name), text)
            entry["values"] = name
            results[mode][step_dtype] = entry
    return results


# --- behaviours --------------------------------------------------------------------------------------------------------
# One function per behaviour. Each answers one line of text; an exception is recorded as such.

CLASSES = (
    ("CyclicalLearningRate", "triangular2"),
    ("TriangularCyclicalLearningRate", "triangular"),
    ("Triangular2CyclicalLearningRate", "triangular2"),
    ("ExponentialCyclicalLearningRate", "exp_range"),
)


def make(
    optimizers: Any,
    cls: str,
    initial: Any = 1e-4,
    maximal: Any = 1e-2,
    step_size: Any = 4,
    gamma: Any = 0.9,
    scale_mode: Any = None,
) -> Any:
    policy = dict(CLASSES)[cls]
    mode = scale_mode or ("iterations" if policy == "exp_range" else "cycle")
    return build(optimizers, cls, policy, initial, maximal, step_size, gamma, mode)


def text_of(value: Any) -> str:
    return decimal(np.asarray(value)[()])


def each_class(probe: Any) -> Any:
    """Run the probe for each of the four classes and join the outcomes."""

    def run(tf: Any, optimizers: Any) -> Any:
        outcomes = []
        for cls, _ in CLASSES:
            try:
                outcome = probe(tf, optimizers, cls)
            except Exception as error:
                outcome = "%(class)s: %(message)s" % first_line(error)
            outcomes.append("%s: %s" % (cls.replace("CyclicalLearningRate", "") or "base", outcome))
        return "; ".join(outcomes)

    return run


def int64_step(tf: Any, optimizers: Any, cls: str) -> Any:
    return text_of(make(optimizers, cls)(tf.constant(3, tf.int64)))


def int64_step_iterations(tf: Any, optimizers: Any, cls: str) -> Any:
    return text_of(make(optimizers, cls, scale_mode="iterations")(tf.constant(3, tf.int64)))


def misspelt_scale_mode(tf: Any, optimizers: Any) -> Any:
    step = 13
    cls = "Triangular2CyclicalLearningRate"
    answers = {m: text_of(make(optimizers, cls, scale_mode=m)(step)) for m in ("cycle", "iterations", "cycles")}
    same = [m for m in ("cycle", "iterations") if answers[m] == answers["cycles"]]
    return "accepted, means %s" % " and ".join(same or ["neither"])


def step_size_zero(tf: Any, optimizers: Any) -> Any:
    schedule = make(optimizers, "TriangularCyclicalLearningRate", step_size=0.0)
    return "step 0: %s, step 1: %s" % (text_of(schedule(0)), text_of(schedule(1)))


def step_size_negative(tf: Any, optimizers: Any) -> Any:
    schedule = make(optimizers, "TriangularCyclicalLearningRate", step_size=-4.0)
    return "step 0: %s, step 1: %s" % (text_of(schedule(0)), text_of(schedule(1)))


def int_bounds(tf: Any, optimizers: Any) -> Any:
    schedule = make(optimizers, "TriangularCyclicalLearningRate", initial=0, maximal=1)
    return "step 1: %s" % text_of(schedule(1))


def int_maximal(tf: Any, optimizers: Any) -> Any:
    schedule = make(optimizers, "TriangularCyclicalLearningRate", initial=0.0, maximal=1)
    return "step 1: %s" % text_of(schedule(1))


def nan_bounds(tf: Any, optimizers: Any) -> Any:
    schedule = make(optimizers, "TriangularCyclicalLearningRate", initial=float("nan"))
    return "accepted, step 1: %s" % text_of(schedule(1))


def float16_step(tf: Any, optimizers: Any) -> Any:
    return "step 3: %s" % text_of(make(optimizers, "TriangularCyclicalLearningRate")(tf.constant(3, tf.float16)))


def negative_step(tf: Any, optimizers: Any) -> Any:
    return "accepted, step -1: %s" % text_of(make(optimizers, "TriangularCyclicalLearningRate")(-1))


def fractional_step(tf: Any, optimizers: Any) -> Any:
    return "accepted, step 0.5: %s" % text_of(make(optimizers, "TriangularCyclicalLearningRate")(0.5))


def float64_detour(tf: Any, optimizers: Any) -> Any:
    schedule = make(optimizers, "TriangularCyclicalLearningRate", initial=np.float64(1e-4))
    return "peak of a float64 schedule with maximal 0.01: %s" % text_of(schedule(4))


def float64_tensor_maximal(tf: Any, optimizers: Any) -> Any:
    maximal = tf.constant(0.01, tf.float64)
    schedule = make(optimizers, "TriangularCyclicalLearningRate", initial=np.float64(1e-4), maximal=maximal)
    return "peak of a float64 schedule with a float64 tensor 0.01: %s" % text_of(schedule(4))


def float16_bounds(tf: Any, optimizers: Any) -> Any:
    schedule = make(optimizers, "TriangularCyclicalLearningRate", initial=np.float16(1e-4))
    return "step 1: %s" % text_of(schedule(1))


def deep_iterations(tf: Any, optimizers: Any) -> Any:
    schedule = make(optimizers, "Triangular2CyclicalLearningRate", scale_mode="iterations")
    return "Python int step 1025: %s" % text_of(schedule(1025))


def peak_past_float32(tf: Any, optimizers: Any) -> Any:
    schedule = make(optimizers, "TriangularCyclicalLearningRate", initial=0.0, maximal=1.0, step_size=1)
    step = tf.constant(2**24 + 1, tf.int64)
    return "step_size 1, peak at step 2**24 + 1: %s" % text_of(schedule(step))


def subnormal(tf: Any, optimizers: Any) -> Any:
    schedule = make(optimizers, "TriangularCyclicalLearningRate", initial=0.0, maximal=1e-38, step_size=4)
    return "a quarter of 1e-38 at step 1: %s" % text_of(schedule(1))


def constructor(tf: Any, optimizers: Any, cls: str) -> Any:
    return ", ".join(name for name in inspect.signature(getattr(optimizers, cls).__init__).parameters if name != "self")


def get_config(tf: Any, optimizers: Any, cls: str) -> Any:
    config = make(optimizers, cls).get_config()
    return ", ".join(sorted(config))


def config_round_trip(tf: Any, optimizers: Any, cls: str) -> Any:
    schedule = make(optimizers, cls)
    again = type(schedule).from_config(schedule.get_config())
    return "same rates" if all(text_of(schedule(t)) == text_of(again(t)) for t in range(20)) else "other rates"


def serialize(tf: Any, optimizers: Any, cls: str) -> Any:
    schedules = tf.keras.optimizers.schedules
    schedule = make(optimizers, cls)
    again = schedules.deserialize(json.loads(json.dumps(schedules.serialize(schedule))))
    return "same rates" if all(text_of(schedule(t)) == text_of(again(t)) for t in range(20)) else "other rates"


def tiny_model(tf: Any, schedule: Any) -> Any:
    tf.keras.backend.clear_session()
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(1,), kernel_initializer="ones")])
    model.compile(tf.keras.optimizers.SGD(schedule), "mse")
    return model


def train(tf: Any, optimizers: Any, cls: str) -> Any:
    model = tiny_model(tf, make(optimizers, cls))
    model.fit(np.ones((4, 1), "float32"), np.zeros((4, 1), "float32"), batch_size=1, epochs=1, verbose=0)
    return "trains"


def save_and_load(form: str, suffix: str) -> Any:
    def probe(tf: Any, optimizers: Any, cls: str) -> Any:
        model = tiny_model(tf, make(optimizers, cls))
        model.fit(np.ones((4, 1), "float32"), np.zeros((4, 1), "float32"), batch_size=1, epochs=1, verbose=0)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model" + suffix)
            try:
                if form == "keras":
                    model.save(path)
                else:
                    model.save(path, save_format=form)
            except Exception as error:
                return "does not save (%s)" % type(error).__name__
            try:
                loaded = tf.keras.models.load_model(path)
            except Exception as error:
                return "saves, does not load (%s)" % type(error).__name__
            if getattr(loaded, "optimizer", None) is None:
                return "saves, loads without its optimizer"
            return "saves and loads"

    return each_class(probe)


BEHAVIOURS = (
    ("int64 step", each_class(int64_step)),
    ("int64 step, scale_mode iterations", each_class(int64_step_iterations)),
    ("misspelt scale_mode", misspelt_scale_mode),
    ("step_size 0", step_size_zero),
    ("step_size negative", step_size_negative),
    ("int bounds", int_bounds),
    ("int maximal", int_maximal),
    ("NaN bound", nan_bounds),
    ("negative step", negative_step),
    ("fractional step", fractional_step),
    ("float64 initial, Python float maximal", float64_detour),
    ("float64 initial, float64 tensor maximal", float64_tensor_maximal),
    ("float16 initial", float16_bounds),
    ("triangular2, iterations, step 1025", deep_iterations),
    ("peak past 2**24", peak_past_float32),
    ("subnormal rate", subnormal),
    ("float16 step", float16_step),
    ("constructor", each_class(constructor)),
    ("get_config", each_class(get_config)),
    ("config round trip", each_class(config_round_trip)),
    ("schedules.serialize and deserialize", each_class(serialize)),
    ("model.fit with SGD", each_class(train)),
    ("save and load, SavedModel", save_and_load("tf", "")),
    ("save and load, .h5", save_and_load("h5", ".h5")),
    ("save and load, .keras", save_and_load("keras", ".keras")),
)


def observe(tf: Any, optimizers: Any) -> Any:
    found = {}
    for name, probe in BEHAVIOURS:
        try:
            found[name] = {"outcome": probe(tf, optimizers)}
        except Exception as error:
            found[name] = {"error": first_line(error)}
    return found


# --- provenance --------------------------------------------------------------------------------------------------------


def sha256_of(path: str) -> str:
    # Line endings are git's business; the hash is of the text.
    with open(path, encoding="utf-8", newline=None) as file:
        return hashlib.sha256(file.read().encode("utf-8")).hexdigest()


def cpu() -> Any:
    """Model and instruction set flags: TensorFlow picks its kernels by them."""
    found = {"machine": platform.machine(), "model": platform.processor() or "unknown", "flags": []}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() == "model name":
                    found["model"] = value.strip()
                elif key.strip() in ("flags", "Features"):
                    found["flags"] = sorted(value.split())
                elif not line.strip():
                    break
    except OSError:
        pass
    return found


def provenance(tf: Any, tfa: Any, cases: str) -> Any:
    return {
        "tensorflow": tf.__version__,
        "tensorflow-addons": tfa.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "os": "%s, %s" % (platform.system(), os.confstr("CS_GNU_LIBC_VERSION") if hasattr(os, "confstr") else "no libc"),
        "cpu": cpu(),
        "recorder_sha256": sha256_of(os.path.abspath(__file__)),
        "cases_sha256": sha256_of(cases),
    }


# --- the command -------------------------------------------------------------------------------------------------------


def main(arguments: Any = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", required=True, help="golden/cases.json")
    parser.add_argument("--out", required=True, help="folder to write records/ and values/ into")
    parser.add_argument("--tensorflow", help="refuse to run on any other TensorFlow")
    parser.add_argument("--tensorflow-addons", help="refuse to run on any other TensorFlow Addons")
    options = parser.parse_args(arguments)
    with open(options.cases, encoding="utf-8") as file:
        document = json.load(file)
    if document.get("format") != FORMAT:
        parser.error("%s has format %r, this recorder reads %r" % (options.cases, document.get("format"), FORMAT))

    import tensorflow as tf
    import tensorflow_addons as tfa

    tf.get_logger().setLevel("ERROR")
    for name, wanted, found in (
        ("tensorflow", options.tensorflow, tf.__version__),
        ("tensorflow-addons", options.tensorflow_addons, tfa.__version__),
    ):
        if wanted is not None and wanted != found:
            parser.error("--%s %s was asked for, %s is installed" % (name, wanted, found))

    results = {}
    for number, case in enumerate(document["cases"], 1):
        print("case %d/%d %s" % (number, len(document["cases"]), case["id"]), file=sys.stderr, flush=True)
        results[case["id"]] = record_case(tf, tfa.optimizers, case, document["digest_steps"], options.out)
    print("behaviours", file=sys.stderr, flush=True)
    record = {
        "format": FORMAT,
        "provenance": provenance(tf, tfa, options.cases),
        "results": results,
        "behaviours": observe(tf, tfa.optimizers),
    }
    name = "tf-%s_tfa-%s.json" % (tf.__version__, tfa.__version__)
    write_atomically(os.path.join(options.out, "records", name), json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
