"""Python code: what is rewritten, what stays, and what is said about it."""

from __future__ import annotations

import itertools
import random
import sysconfig
from pathlib import Path

import pytest
from hypothesis import event, given, strategies as st

pytest.importorskip("libcst", reason="migrate needs clr-ref[migrate]")

import libcst as cst

from clr_ref.migrate.edits import applied, moved
from clr_ref.migrate.facts import ARGUMENTS
from clr_ref.migrate.names import ParseError, Source
from clr_ref.migrate.source import Changes, changes
from tests.migrate.samples import LEFT, SAMPLES
from tests.migrate.stand_in import calls_of


def migrated(code: str) -> str:
    return applied(code, changes(code).edits)


def said(found: Changes, kind: str) -> list[str]:
    return [finding.text for finding in found.findings if finding.kind == kind]


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_rewritten(name: str) -> None:
    before, after = SAMPLES[name]
    assert migrated(before) == after
    guard = "tfa decides here whether TFA is there, which the schedules need no longer"
    assert said(changes(before), "by hand") == ([guard] if name == "an import that may fail" else [])


@pytest.mark.parametrize("name", SAMPLES)
def test_a_second_run_changes_nothing(name: str) -> None:
    again = changes(SAMPLES[name].after)
    assert again.edits == ()
    assert {finding.kind for finding in again.findings} <= {"note"}


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_make_the_same_calls(name: str) -> None:
    before, after = SAMPLES[name]
    assert_same_calls(before, after)


def assert_same_calls(before: str, after: str) -> None:
    """Check that both call the same classes with the same arguments, and that ours stand in for all of the cyclical ones."""
    called, now = calls_of(before), calls_of(after)
    assert called
    assert [(name, keep(arguments), sorted(keywords)) for name, _, arguments, keywords in now] == [
        (name, keep(arguments), sorted(keywords)) for name, _, arguments, keywords in called
    ]
    sources = [source for _, source, _, _ in called]
    assert set(sources) == {"tensorflow_addons"}
    assert [source for _, source, _, _ in now] == [
        "clr_ref" if name in ARGUMENTS else "tensorflow_addons" for name, _, _, _ in called
    ]


def keep(arguments: tuple[object, ...]) -> list[object]:
    return [argument for argument in arguments if isinstance(argument, int | float | str)]


@pytest.mark.parametrize("name", LEFT)
def test_unclear_names_are_left_alone_and_reported(name: str) -> None:
    code, words = LEFT[name]
    found = changes(code)
    assert found.edits == ()
    assert any(words in text for text in said(found, "by hand")), found.findings


def test_a_function_with_an_import_of_its_own_does_not_hide_the_one_outside() -> None:
    """``import clr_ref.keras`` inside it would make the name local, and unbound in the line above."""
    code = (
        "import tensorflow_addons as tfa\ndef f():\n    a = tfa.optimizers.CyclicalLearningRate\n"
        "    import tensorflow_addons.optimizers as o\n    return a, o.TriangularCyclicalLearningRate\n"
    )
    assert any("by its own import and by one outside" in text for text in said(changes(code), "by hand"))
    assert "a = tfa.optimizers.CyclicalLearningRate" in migrated(code)
    assert "    import clr_ref.keras\n    return a, clr_ref.keras.TriangularCyclicalLearningRate" in migrated(code)


@pytest.mark.parametrize("outside", ["import clr_ref", "import clr_ref.keras", "import os, clr_ref as clr_ref"])
def test_a_function_still_sees_the_clr_ref_outside(outside: str) -> None:
    head = f"{outside}\ndef f():\n    clr_ref.__version__\n"
    code = f"{head}    import tensorflow_addons as tfa\n    return tfa.optimizers.CyclicalLearningRate\n"
    now = "    import clr_ref.keras as clr_ref_keras\n    return clr_ref_keras.CyclicalLearningRate\n"
    assert migrated(code) == head + now
    top = f"{outside}\nimport tensorflow_addons as tfa\ntfa.optimizers.CyclicalLearningRate\n"
    assert migrated(top) == f"{outside}\nimport clr_ref.keras\nclr_ref.keras.CyclicalLearningRate\n"


TESTS = ["x = 1 if tfa else 2", "if not tfa: pass", "assert tfa", "tfa is None", "tfa or f()", "while tfa: pass"]


@pytest.mark.parametrize("test", TESTS)
def test_a_test_whether_tfa_is_there_is_reported(test: str) -> None:
    head = "try:\n    import tensorflow_addons as tfa\nexcept ImportError:\n    tfa = None\n"
    found = found_in(f"{head}{test}\ntfa.optimizers.CyclicalLearningRate\n")
    assert (5, "by hand", "tfa decides here whether TFA is there, which the schedules need no longer") in found
    assert all(kind != "by hand" for _, kind, _ in found_in(f"{head}{test}\ntfa.optimizers.AdamW\n"))
    assert all(kind != "by hand" for _, kind, _ in found_in(f"{head}print(tfa)\ntfa.optimizers.CyclicalLearningRate\n"))


def test_strings_that_name_a_class_are_reported() -> None:
    name = "tensorflow_addons.optimizers.CyclicalLearningRate"
    text = "CyclicalLearningRate was left alone: a string names it"
    assert found_in(f"mock.patch('{name}')\n{{'_target_': '{name}'}}\n") == [(1, "by hand", text), (2, "by hand", text)]
    assert found_in(f"'''See {name}.'''\n'{name}2'\n'my_{name}'\n") == []
    looked = "CyclicalLearningRate was left alone: getattr looks it up"
    dynamic = "o = importlib.import_module('tensorflow_addons.optimizers')\ngetattr(o, 'CyclicalLearningRate', None)\n"
    assert found_in(dynamic) == [(2, "by hand", looked)]
    assert found_in("getattr(mine, 'CyclicalLearningRate')\n") == []
    assert found_in("import tensorflow_addons\ngetattr(o, name, 'CyclicalLearningRate')\n") == [], "a default is not looked up"
    assert found_in("o = 'tensorflow_addons'\ngetattr(o, 'AdamW')\nsetattr(o, 'CyclicalLearningRate', 1)\n") == []


@pytest.mark.parametrize("code", ["from .compat import tfa\n", "from compat import tf, tfa\n", "import compat as tfa\n"])
def test_tfa_that_another_module_passes_on_is_reported(code: str) -> None:
    text = "CyclicalLearningRate was left alone: what stands before it may be TFA"
    assert found_in(f"{code}tfa.optimizers.CyclicalLearningRate\n") == [(2, "by hand", text)]
    assert found_in(f"{code}tfa.CyclicalLearningRate\n") == []
    assert found_in("import clr_ref.keras as o\no.optimizers.CyclicalLearningRate\n") == []


def test_comments_of_names_that_stay_stay() -> None:
    code = "from tensorflow_addons.optimizers import ( AdamW as Q,  # about AdamW\n    CyclicalLearningRate as Z)\nQ, Z\n"
    assert "import ( AdamW as Q,  # about AdamW\n    )\n" in migrated(code)
    code = "from tensorflow_addons.optimizers import (CyclicalLearningRate as W,  # about both\n AdamW as R)\nR, W\n"
    assert "import (  # about both\n AdamW as R)\n" in migrated(code)


def test_a_class_that_a_function_imports_by_its_name_hides_nothing() -> None:
    code = (
        "import tensorflow_addons as tfa\ndef f():\n    from tensorflow_addons.optimizers import CyclicalLearningRate\n"
        "    return CyclicalLearningRate, tfa.optimizers.TriangularCyclicalLearningRate\n"
    )
    assert said(changes(code), "by hand") == []
    assert "tensorflow_addons" not in migrated(code)


@pytest.mark.parametrize(
    "code",
    [
        "from mine import CyclicalLearningRate\nCyclicalLearningRate()\n",
        "class CyclicalLearningRate: pass\nCyclicalLearningRate()\n",
        "import mine\nmine.CyclicalLearningRate\n",
        "def f(self): return self.CyclicalLearningRate\n",
        "from .tensorflow_addons.optimizers import CyclicalLearningRate\n",
        "'tfa.optimizers.CyclicalLearningRate'  # import tensorflow_addons as tfa\n",
        "import clr_ref.keras\nclr_ref.keras.CyclicalLearningRate\n",
        "",
    ],
)
def test_what_is_not_of_tfa_is_no_matter_of_ours(code: str) -> None:
    assert changes(code) == Changes()


def test_what_stays_is_listed_with_its_lines_and_counterpart() -> None:
    code = (
        "import tensorflow_addons as tfa\nfrom tensorflow_addons.layers import CRF\n"
        "tfa.optimizers.AdamW(tfa.optimizers.TriangularCyclicalLearningRate(0.0, 1.0, 2))\n"
        "CRF, tfa.text.crf, tfa.optimizers.AdamW\n"
    )
    found = changes(code)
    assert [(use.name.removeprefix("tensorflow_addons."), use.lines) for use in found.uses] == [
        ("layers.CRF", (2, 4)),
        ("optimizers.AdamW", (3, 4)),
        ("text.crf", (4,)),
    ]
    assert [use.counterpart and use.counterpart.keras for use in found.uses] == [None, "keras.optimizers.AdamW", None]
    assert found.uses[0].counterpart is not None
    assert found.uses[2].counterpart is None, "a name that the table does not have is not called 'none'"
    assert [moved(use.lines[0], found.edits) for use in found.uses] == [3, 4, 5]


def test_an_import_that_nothing_uses_is_noted() -> None:
    code = (
        "import tensorflow_addons as tfa\nfrom tensorflow_addons.optimizers import TriangularCyclicalLearningRate\n"
        "TriangularCyclicalLearningRate\n"
    )
    assert said(changes(code), "note") == ["tensorflow_addons is imported, and nothing in this file uses it"]


@pytest.mark.parametrize("depth", [950, 6_000, 100_000])
@pytest.mark.parametrize("code", ["x = {}1", "x = 1{}", "x = a{}", "x = {}0{}"])
def test_what_is_nested_too_deeply_is_an_error(code: str, depth: int) -> None:
    """LibCST raises RecursionError at some hundred levels, and ends the process at some thousand."""
    parts = {"x = {}1": ["-" * depth], "x = 1{}": [" + 1" * depth], "x = a{}": [".b" * depth]}
    with pytest.raises(ParseError, match="nested"):
        changes("import tensorflow_addons as tfa\n" + code.format(*parts.get(code, ["(" * depth, ")" * depth])))


def test_what_is_nested_less_deeply_is_parsed() -> None:
    code = f"import tensorflow_addons as tfa\nx = 1{' + 1' * 250}\ntfa.optimizers.CyclicalLearningRate\n"
    assert "clr_ref.keras.CyclicalLearningRate" in migrated(code)


@pytest.mark.parametrize("code", ["import tensorflow_addons as tfa\nprint 'no'\n", "x = (", "\0", "(" * 5000 + ")" * 5000])
def test_what_cannot_be_parsed_is_an_error(code: str) -> None:
    with pytest.raises(ParseError, match=r"line \d+|null bytes|nested"):
        changes(code)


def test_python_that_is_newer_than_this_one_is_parsed() -> None:
    code = "import tensorflow_addons as tfa\ntype X[T] = T\nx = tfa.optimizers.CyclicalLearningRate\n"
    assert migrated(code).startswith("import clr_ref.keras\ntype X[T] = T\nx = clr_ref.keras.")


IMPORTS = [
    ("import tensorflow_addons as tfa", "tfa.optimizers."),
    ("import json, tensorflow_addons as tfa, math", "tfa.optimizers."),
    ("import tensorflow_addons", "tensorflow_addons.optimizers."),
    ("import tensorflow_addons.optimizers", "tensorflow_addons.optimizers."),
    ("import tensorflow_addons.losses", "tensorflow_addons.optimizers."),
    ("import tensorflow_addons.optimizers as tfa", "tfa."),
    ("from tensorflow_addons import optimizers", "optimizers."),
    ("from tensorflow_addons import losses, optimizers as tfa", "tfa."),
    ("from tensorflow_addons import (optimizers as tfa, losses, )", "tfa."),
    ("from tensorflow_addons.optimizers import KIND, LazyAdam, AdamW", ""),
    ("from tensorflow_addons.optimizers import (AdamW, LazyAdam, KIND)", ""),
    ("from tensorflow_addons.optimizers import LazyAdam\\\n , KIND\\\n , AdamW", ""),
    ("from tensorflow_addons.optimizers import (\n  AdamW, # a\n  KIND, # b\n  # c\n  LazyAdam # d\n)", ""),
    ("from tensorflow_addons.optimizers import (\n  KIND,\n  AdamW, LazyAdam)", ""),
    ("from tensorflow_addons.optimizers import AdamW, LazyAdam, TriangularCyclicalLearningRate as T, KIND", ""),
]
PLACES = [
    "{i}\n{u}\n",
    "def f():\n    '''A function.'''\n    {i}\n    {u}\nf()\n",
    "def f():\n\t{i}\n\tdef g():\n\t\t{u}\n\tg()\nf()\n",
    "try:\n    {i}\nexcept ImportError:\n    tfa = None\n{u}\n",
    "if True: {i}; {u}\n",
    "x = 1; {i} # an import\n{u}",
    "class C:\n    {i}\n    {u}\n",
    "{i}\nclass C:\n    def f(self, x=[1 for x in 'a']):\n        {u}\nC().f()\n",
    "{i}\n[{u} for y in range(2)]\nlambda tfa: tfa.optimizers\n",
]


@st.composite
def blocks(draw: st.DrawFn) -> str:
    line, before = draw(st.sampled_from(IMPORTS))
    kind = draw(st.sampled_from(sorted(ARGUMENTS)))
    use = f"{before}{kind}(1e-4, 1e-2, step_size=4)"
    if draw(st.booleans()):
        use = f"{before}AdamW({use})"
    return draw(st.sampled_from(PLACES)).format(i=line.replace("KIND", kind), u=use)


@given(st.lists(blocks(), min_size=1, max_size=3), st.sampled_from(["\n", "\r\n"]))
def test_imports_and_uses_in_any_combination(parts: list[str], end: str) -> None:
    """The same classes are called with the same arguments; those four are ours wherever nothing is left to do by hand."""
    before = "\n".join(parts).replace("\n", end)
    found = changes(before)
    after = applied(before, found.edits)
    assert after.count("\n") == after.count(end)
    assert changes(after).edits == ()
    if said(found, "by hand"):
        event("by hand")
        assert calls_of(after)
    else:
        assert_same_calls(before, after)
        if not any(word in before for word in ("AdamW", "losses", f"class C:{end}    import", f"class C:{end}    from")):
            assert "tensorflow_addons" not in after


def test_files_without_tfa_are_left_as_they_are() -> None:
    """And where a use of TFA is added, nothing else changes."""
    library = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    files = [path for path in random.Random(20).sample(library, 60) if 0 < path.stat().st_size < 30_000]
    assert len(files) > 20
    for path in files[:10]:
        code = path.read_text("utf-8").rstrip() + "\n"
        assert changes(code) == Changes(), path
        added = "import {0}\nrate = {1}.CyclicalLearningRate\n"
        old, new = added.format("tensorflow_addons as tfa_", "tfa_.optimizers"), added.format("clr_ref.keras", "clr_ref.keras")
        assert migrated(code + old) == code + new, path


def test_places_and_imports_are_all_tried() -> None:
    """Each pair of them is Python that runs, so that no example is lost."""
    for (line, before), place in itertools.product(IMPORTS, PLACES):
        code = place.format(i=line.replace("KIND", "CyclicalLearningRate"), u=f"{before}CyclicalLearningRate(1, 2, 3)")
        assert calls_of(code), code


def found_in(code: str) -> list[tuple[int, str, str]]:
    return [(found.line, found.kind, found.text) for found in changes(code).findings]


def test_every_attribute_that_may_be_tfa_is_reported() -> None:
    """Those of another module, and of TFA itself, do not end the search."""
    code = (
        "import mine\nimport tensorflow_addons as tfa\n"
        "mine.CyclicalLearningRate\nmine.other\ntfa.optimizers.CyclicalLearningRate\n"
        "f().CyclicalLearningRate\nnowhere.inner.CyclicalLearningRate\nmine.CyclicalLearningRate\n"
        "here = f()\nhere.CyclicalLearningRate\n"
    )
    left = "CyclicalLearningRate was left alone: "
    assert found_in(code) == [
        (6, "by hand", f"{left}what stands before it may be TFA"),
        (7, "by hand", f"{left}nowhere is not imported in this file"),
        (10, "by hand", f"{left}what stands before it may be TFA"),
    ]
    assert found_in("here = f()\nhere.CyclicalLearningRate\n") == []
    assert found_in("here.CyclicalLearningRate\n") == [(1, "by hand", f"{left}here is not imported in this file")]


def test_only_star_imports_of_tfa_hide_its_classes() -> None:
    use = "CyclicalLearningRate\ndef CyclicalLearningRate2(): return CyclicalLearningRate\n"
    text = "CyclicalLearningRate was left alone: it may come from a star import; import it from clr_ref.keras"
    star = "from tensorflow_addons.optimizers import *\n"
    note = (1, "note", "a star import of tensorflow_addons.optimizers was left alone")
    assert found_in(star + use) == [note, (2, "by hand", text), (3, "by hand", text)]
    assert found_in(f"from tensorflow_addons_more import *\n{use}") == []
    assert found_in(f"from .tensorflow_addons import *\n{use}") == []
    assert found_in(f"{star}from mine import CyclicalLearningRate\n{use}") == [note]


def test_every_import_that_nothing_uses_is_noted_at_its_line() -> None:
    code = (
        "import tensorflow_addons as tfa\n"
        "from tensorflow_addons.optimizers import TriangularCyclicalLearningRate, AdamW\n"
        "from tensorflow_addons.text import crf, skip\n"
        "import os, tensorflow_addons as addons\n"
        "TriangularCyclicalLearningRate, crf\n"
    )
    found = changes(code)
    unused = "is imported, and nothing in this file uses it"
    assert [(one.line, one.text) for one in found.findings] == [
        (1, f"tensorflow_addons {unused}"),
        (3, f"tensorflow_addons.text.skip {unused}"),
        (4, f"tensorflow_addons {unused}"),
    ]
    assert [(use.name, use.lines) for use in found.uses] == [
        ("tensorflow_addons.optimizers.AdamW", (2,)),
        ("tensorflow_addons.text.crf", (5,)),
    ]
    without = code.replace("TriangularCyclicalLearningRate", "Yogi")
    assert changes(without).findings == (), "a file without changes"


def test_getattr_with_a_name_of_ours_is_reported() -> None:
    head = "import tensorflow_addons as tfa\n"
    text = "CyclicalLearningRate was left alone: getattr looks it up"
    for call in ("getattr(tfa.optimizers, 'CyclicalLearningRate')", "getattr(tfa.optimizers, 'CyclicalLearningRate', None)"):
        assert found_in(f"{head}{call}\n") == [(2, "by hand", text)]
    for call in (
        "getattr(tfa.optimizers, 'AdamW')",
        "f(tfa.optimizers, 'CyclicalLearningRate')",
        "getattr(tfa.optimizers, name)",
    ):
        assert found_in(f"{head}{call}\n") == []


def test_our_module_gets_a_name_that_is_free() -> None:
    use = "import tensorflow_addons as tfa\ntfa.optimizers.CyclicalLearningRate\n"
    for taken, name in (
        ("", "clr_ref.keras"),
        ("import clr_ref\n", "clr_ref.keras"),
        ("clr_ref = 1\n", "clr_ref_keras"),
        ("clr_ref = clr_ref_keras = 1\n", "clr_ref_keras_2"),
        ("clr_ref = clr_ref_keras = clr_ref_keras_2 = 1\n", "clr_ref_keras_3"),
    ):
        renamed = "" if name == "clr_ref.keras" else f" as {name}"
        assert migrated(taken + use) == f"{taken}import clr_ref.keras{renamed}\n{name}.CyclicalLearningRate\n"


def test_names_of_an_import_in_brackets_are_removed_with_their_lines() -> None:
    def after(inner: str) -> str:
        return migrated(f"from tensorflow_addons.optimizers import {inner}\nCyclicalLearningRate, AdamW, Yogi\n").partition(
            "clr_ref.keras import CyclicalLearningRate\nfrom tensorflow_addons.optimizers import "
        )[2]

    rest = "\nCyclicalLearningRate, AdamW, Yogi\n"
    assert after("(\n    AdamW,\n    CyclicalLearningRate,  # ours\n    Yogi,\n)") == f"(\n    AdamW,\n    Yogi,\n){rest}"
    assert after("AdamW, \\\n    CyclicalLearningRate, \\\n    Yogi") == f"AdamW, \\\n    Yogi{rest}"
    assert after("CyclicalLearningRate, AdamW, Yogi") == f"AdamW, Yogi{rest}"
    assert after("AdamW, Yogi, CyclicalLearningRate") == f"AdamW, Yogi{rest}"
    assert after("AdamW, CyclicalLearningRate, Yogi") == f"AdamW, Yogi{rest}"


def test_what_libcst_alone_cannot_parse_is_named_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise cst.ParserSyntaxError("first\nsecond", lines=["x"], raw_line=3, raw_column=0)

    monkeypatch.setattr(cst, "parse_module", refuse)
    with pytest.raises(ParseError, match=r"^line 3: first$"):
        Source("x = 1\n")


def test_what_python_cannot_parse_is_named_with_its_line() -> None:
    for code, words in (("x = 1\ny = (\n", r"^line 2: '\(' was never closed$"), ("\n1 = x\n", r"^line 2: cannot assign")):
        with pytest.raises(ParseError, match=words):
            Source(code)


def test_a_class_that_is_left_alone_is_named() -> None:
    code = "import tensorflow_addons as tfa\nif x:\n    tfa = y\ntfa.optimizers.CyclicalLearningRate(1, 2, 3, f)\n"
    assert (4, "by hand", "CyclicalLearningRate was left alone: tfa is also bound to something else") in found_in(code)
