"""The record as a page: docs/RECORD.md is what this makes of the store, and nothing else."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref import compare, pages, tfa_arithmetic, tfa_graphs, ulp
from clr_ref.golden.record import PAIRS
from clr_ref.golden.store import AppliedRecord, Case, Entry, Record, Store
from clr_ref.scale import Exponential
from clr_ref.schedule import CyclicalLearningRate, exp_range, triangular, triangular2
from clr_ref.tfa_arithmetic import MODES, Mode

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Upper ends of the ranges of steps by which drift is reported.
DECADES = (1_000, 10_000, 100_000, 2**20, 2**24, 2**31, 2**63)


@dataclasses.dataclass(frozen=True, eq=False)
class Drift:
    """The distance of one mode's answers from the exact value: ``ulps`` at ``steps``, both 1-D, from many cases."""

    mode: Mode
    steps: NDArray[np.int64]
    ulps: NDArray[np.float64]


def drift(store: Store) -> list[Drift]:
    """Per mode, how far every recorded float32 answer of the triangular family is from the exact value."""
    found = []
    for mode in MODES:
        steps, ulps = [], []
        for case in _plain_cases(store):
            for at, apart in _distances(store, case, mode):
                steps.append(at)
                ulps.append(apart)
        found.append(Drift(mode, np.concatenate(steps), np.concatenate(ulps)))
    return found


def markdown(store: Store, picture: str) -> str:
    """The whole record in Markdown."""
    sections = [
        "# What TensorFlow Addons really does\n\n"
        "Generated from `golden/` by `clr-ref golden show --markdown docs/RECORD.md`; edit neither by hand. Every value,\n"
        "digest and behaviour below was answered by the real `tfa.optimizers` on the versions that are named, on the CPU, and\n"
        "none by `clr_ref`. Distances are in ULP: floats between two answers.",
        _pairs(store),
        _changes(store),
        _modes(store),
        _drift(store, picture),
        _arrays(store),
        _errors(store),
        _behaviours(store),
        *([_applied(store)] if store.applied else []),
        _cases(store),
    ]
    return pages.markdown.page(sections)


def _pairs(store: Store) -> str:
    rows = []
    for pair in PAIRS:
        record = store.records.get(pair.name)
        if record is None:
            rows.append((pair.tensorflow, pair.tensorflow_addons, "not recorded", "", "", ""))
        elif record.error is not None:
            rows.append((pair.tensorflow, pair.tensorflow_addons, f"cannot be installed: {record.error}", "", "", ""))
        else:
            errors = sum(entry.error is not None for entry in record.entries)
            p = record.provenance
            answers = f"{len(record.entries) - errors} answered, {errors} raised"
            rows.append((pair.tensorflow, pair.tensorflow_addons, answers, p["python"], p["numpy"], p["cpu"]["model"]))
    known = {pair.name for pair in PAIRS}
    for name, record in store.records.items():
        if name not in known:
            rows.append((record.tensorflow, record.tensorflow_addons, "recorded", record.provenance["python"], "", ""))
    table = pages.markdown.table(("TensorFlow", "TFA", "cases x mode x step dtype", "Python", "NumPy", "CPU"), rows)
    return (
        "## The pairs\n\n"
        f"All {len(PAIRS)} pairs that TFA's own table of compatibility names, each by its latest patch release.\n\n{table}"
    )


def _changes(store: Store) -> str:
    rows: list[tuple[str, ...]] = []
    records = [record for record in store.records.values() if record.error is None]
    for before, after in itertools.pairwise(records):
        for mode in MODES:
            rows += _change(store, before, after, mode)
    table = pages.markdown.table(
        ("from", "to", "mode", "cases with other values", "worst ULP", "cases with another digest alone"), rows
    )
    return (
        "## Which bits changed between releases\n\n"
        "Pairs in the order of TensorFlow, then TFA, each compared with the one before; a pair or mode that is not listed\n"
        "gave the same bits. Values are those of steps asked one by one (unless the case is an array), digests those of the\n"
        f"first {store.digest_steps:,} steps asked as one array. An answer where there was an error before is no change.\n\n"
        f"{table}"
    )


def _change(store: Store, before: Record, after: Record, mode: Mode) -> Iterator[tuple[str, ...]]:
    old = {(e.case, e.step_dtype): e for e in before.entries if e.mode == mode}
    values: dict[str, float] = {}
    digests = set()
    for entry in after.entries:
        other = old.get((entry.case, entry.step_dtype))
        if entry.mode != mode or other is None or entry.error or other.error:
            continue
        if entry.values != other.values:
            apart = ulp.distance(_values(store, entry), _values(store, other))
            values[entry.case] = max(values.get(entry.case, 0.0), float(np.max(np.abs(apart))))
        elif entry.digest != other.digest:
            digests.add(entry.case)
    if values or digests:
        names = ", ".join(f"{case} ({worst:,.0f})" for case, worst in values.items()) or "none"
        worst = f"{max(values.values()):,.0f}" if values else "-"
        yield before.name, after.name, mode, names, worst, ", ".join(sorted(digests - set(values))) or "none"


def _modes(store: Store) -> str:
    rows = []
    for case in store.cases.values():
        cells = []
        for mode in MODES[1:]:
            worst, where = 0.0, ""
            for record in store.records.values():
                entries = {(e.mode, e.step_dtype): e for e in record.entries if e.case == case.id and e.values is not None}
                for step_dtype in ("float32", "int64"):
                    graph, eager = entries.get((mode, step_dtype)), entries.get(("eager", step_dtype))
                    if graph is None or eager is None or graph.values is None or eager.values is None:
                        continue
                    apart = float(np.max(np.abs(ulp.distance(_values(store, graph), _values(store, eager)))))
                    if apart > worst:
                        worst, where = apart, f" (TF {record.tensorflow})"
            cells.append(f"{worst:,.0f}{where}")
        rows.append((case.id, case.dtype, *cells))
    table = pages.markdown.table(("case", "dtype", "tf.function", "XLA"), rows)
    return (
        "## Eager against tf.function against XLA\n\n"
        "The same schedule at the same tensor steps: the largest distance of a graph mode from eager, in ULP, over all pairs,\n"
        f"and the first release that shows it.\n\n{table}"
    )


def _drift(store: Store, picture: str) -> str:
    rows = []
    for found in drift(store):
        cells, low = [], 0
        for high in DECADES:
            inside = found.ulps[(found.steps >= low) & (found.steps < high)]
            cells.append(f"{np.max(inside):,.0f}" if len(inside) else "-")
            low = high
        rows.append((found.mode, *cells))
    names = {2**20: "2^20", 2**24: "2^24", 2**31: "2^31", 2**63: "2^63"}
    table = pages.markdown.table(("mode", *(f"below {names.get(high, f'{high:,}')}" for high in DECADES)), rows)
    shares = []
    for case in _plain_cases(store):
        actual = tfa_arithmetic.evaluate(case.schedule, case.steps)
        expected = compare.truth(case.schedule, case.steps)
        bound = tfa_arithmetic.error_bound(case.schedule, case.steps)
        one = compare.within_bound(case.schedule, case.steps, actual, expected, bound, case=case.id, repeat="")
        shares.append((case.id, one.worst_share or 0.0))
    closest = ", ".join(f"{name} {share:.2f}" for name, share in sorted(shares, key=lambda item: -item[1])[:5])
    return (
        "## Drift against the exact value\n\n"
        "The worst distance from the correctly rounded exact value, by step, over the float32 cases of the triangular family\n"
        "with usual bounds. The quotient step / step_size is rounded to 24 bits, so its error grows with the step; past\n"
        f"2^24 the step itself no longer fits.\n\n{table}\n\n![Drift of TFA's answers by step]({picture})\n\n"
        "`clr_ref.tfa_arithmetic.error_bound` follows this drift; the recorded steps come as close to it as (share of the\n"
        f"bound): {closest}."
    )


def _arrays(store: Store) -> str:
    found: dict[tuple[str, str], int] = {}
    asked: dict[tuple[str, str], int] = {}
    for record in store.records.values():
        for entry in record.entries:
            if entry.differs_in_array is None or store.cases[entry.case].call != "scalar":
                continue
            key = (entry.mode, "exp_range" if store.cases[entry.case].policy == "exp_range" else "triangular family")
            found[key] = found.get(key, 0) + entry.differs_in_array
            asked[key] = asked.get(key, 0) + int(np.sum(store.cases[entry.case].steps < store.digest_steps))
    rows = [(mode, policy, f"{found[mode, policy]:,} of {asked[mode, policy]:,}") for mode, policy in found]
    table = pages.markdown.table(("mode", "policy", "steps that differ"), rows)
    return (
        "## One step against an array of steps\n\n"
        "TensorFlow takes other code paths for arrays: vectorised power functions, subnormals flushed to zero, graphs folded\n"
        "differently. So `clr(np.arange(n))`, as the tutorial plots it, is not always what the optimizer is given. Over all\n"
        f"pairs:\n\n{table}"
    )


def _errors(store: Store) -> str:
    found: dict[tuple[str, ...], dict[str, set[str]]] = {}
    for record in store.records.values():
        for entry in record.entries:
            if entry.error is not None:
                key = (entry.mode, entry.step_dtype, f"{entry.error[0]}: {entry.error[1]}")
                found.setdefault(key, {}).setdefault(record.name, set()).add(entry.case)
    rows = []
    for (mode, step_dtype, message), where in found.items():
        cases = set().union(*where.values())
        names = f"{len(cases)} cases" if len(cases) > 6 else ", ".join(sorted(cases))
        rows.append((mode, step_dtype, message, names, _ranges(store, where)))
    table = pages.markdown.table(("mode", "step", "error", "cases", "pairs"), rows)
    return f"## Errors\n\nWhat TFA raised instead of an answer.\n\n{table}"


def _behaviours(store: Store) -> str:
    titles = list(dict.fromkeys(title for record in store.records.values() for title in record.behaviours))
    parts = []
    for title in titles:
        outcomes: dict[str, list[str]] = {}
        for record in store.records.values():
            if title in record.behaviours:
                outcomes.setdefault(record.behaviours[title], []).append(record.name)
        lines = [f"- {_ranges(store, names)}: {pages.markdown.escaped(outcome)}" for outcome, names in outcomes.items()]
        parts.append(f"**{title}**\n\n" + "\n".join(lines))
    return (
        "## Behaviours\n\n"
        "One question each, put to every pair. Where TFA rejects an argument's type, the words are those of the `typeguard`\n"
        "that its requirements brought in.\n\n" + "\n\n".join(parts)
    )


def _applied(store: Store) -> str:
    found: dict[tuple[str, ...], list[str]] = {}
    for record in store.applied.values():
        for title, rates in record.runs.items():
            cls, optimizer, how = title.split(", ", 2)
            policy = cls.removesuffix("CyclicalLearningRate")
            if isinstance(rates, tuple):
                outcome = ("-", "-", f"{rates[0]}: {rates[1]}")
            else:
                schedule = _schedule(policy, record.inputs)
                apart = np.abs(ulp.distance(rates, schedule(np.arange(len(rates)))))
                outcome = (f"{np.mean(apart == 0):.0%}", f"{np.max(apart):,.0f}", _whose(schedule, rates, record))
            found.setdefault((policy, optimizer, how, *outcome), []).append(record.name)
    rows = [(*key[:3], ", ".join(name.split("_")[0][3:] for name in names), *key[3:]) for key, names in sorted(found.items())]
    columns = ("policy", "optimizer", "how", "TensorFlow", "right", "worst ULP", "whose bits")
    return (
        "## What optimizers applied\n\n"
        "The rates that plain SGD really applied with TFA's schedules under `fit`, read off the weights (the probe of\n"
        "`clr_ref.training.probe`; 1e-4 to 1e-2, step_size 33.3, gamma 0.999, 400 updates): how many are the exact value\n"
        "rounded, how far the worst is from it, and whose bits they are: those of the replayed eager formula, of\n"
        "tf.function, of XLA, or of none of them (the power of exp_range is TensorFlow's own). SGD is the default optimizer,\n"
        f"which is a new one from TF 2.11 on. `clr-ref golden probe` records it.\n\n{pages.markdown.table(columns, rows)}"
    )


def _schedule(policy: str, inputs: Mapping[str, float]) -> CyclicalLearningRate:
    numbers = dict(inputs)
    gamma = numbers.pop("gamma")
    if policy == "Exponential":
        return exp_range(**numbers, gamma=gamma)
    return {"Triangular": triangular, "Triangular2": triangular2}[policy](**numbers)


def _whose(schedule: CyclicalLearningRate, rates: Any, record: AppliedRecord) -> str:
    if isinstance(schedule.scale_fn, Exponential):
        return "-"
    steps = np.arange(len(rates))
    major, minor = (int(part) for part in record.provenance["versions"]["tensorflow"].split(".")[:2])
    replayed = {"eager": tfa_arithmetic.evaluate(schedule, steps, flush="everywhere")}
    for mode in ("function", "xla"):
        replayed[mode] = tfa_graphs.evaluate(schedule, steps, mode=mode, tensorflow=(major, minor), array=False)
    return ", ".join(mode for mode, values in replayed.items() if values.tobytes() == rates.tobytes()) or "none"


def _cases(store: Store) -> str:
    rows = [(case.id, case.cls, f"{len(case.steps):,}", ", ".join(case.flags), case.note) for case in store.cases.values()]
    flags = "\n".join(f"- `{name}`: {text}" for name, text in store.flags.items())
    return f"## The cases\n\n{pages.markdown.table(('case', 'class', 'steps', 'flags', 'why'), rows)}\n\nFlags:\n\n{flags}"


def _plain_cases(store: Store) -> list[Case]:
    return [
        case
        for case in store.cases.values()
        if case.dtype == "float32" and case.policy != "exp_range" and "bounds" not in case.flags
    ]


def _distances(store: Store, case: Case, mode: Mode) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    for case_id, found_mode, step_dtype, name in store.files():
        if (case_id, found_mode) == (case.id, mode):
            steps = case.steps_for(mode, step_dtype)
            expected = case.schedule(steps)  # the reference; `clr-ref verify` holds it to the exact value
            yield steps, np.abs(ulp.distance(store.values(case_id, name), expected))


def _values(store: Store, entry: Entry) -> NDArray[Any]:
    assert entry.values is not None
    return store.values(entry.case, entry.values)


def _ranges(store: Store, names: Iterable[str]) -> str:
    """Names of records as runs in the order of the store: ``TF 2.1.4 TFA 0.7.1 to TF 2.3.4 TFA 0.11.2``."""
    chosen, every = set(names), list(store.records)
    if chosen == set(every):
        return "all pairs"
    runs: list[list[str]] = []
    for index, name in enumerate(every):
        if name in chosen:
            if index and every[index - 1] in chosen:
                runs[-1].append(name)
            else:
                runs.append([name])

    def words(name: str) -> str:
        return f"TF {store.records[name].tensorflow} TFA {store.records[name].tensorflow_addons}"

    return ", ".join(words(run[0]) if len(run) == 1 else f"{words(run[0])} to {words(run[-1])}" for run in runs)
