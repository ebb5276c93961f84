"""The function that a user names, and the errors of names and files that lead to none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import clr_ref
from clr_ref.conformance.load import LoadError, described, load, load_function

ACCEPTED = "give package.module:make or path/to/file.py:make"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of one's own, and forget its modules afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", os.getcwd())])
    for name in ("mine", "neighbour"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    before = set(sys.modules)
    yield  # type: ignore[misc]
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("name", ["mine.py:make", "./mine.py:make", "mine:make", "mine.py:Kit.make", "mine:Kit.make"])
def test_a_function_is_found(name: str) -> None:
    Path("neighbour.py").write_text("RATE = 0.5")
    Path("mine.py").write_text(
        "import neighbour\nmake = lambda: neighbour.RATE\nclass Kit:\n    @staticmethod\n    def make(): return 0.5\n"
    )
    assert load_function(name)() == 0.5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", f"'' names no function; {ACCEPTED}"),
        ("mine", f"'mine' names no function; {ACCEPTED}"),
        (":make", f"':make' names no function; {ACCEPTED}"),
        ("mine.py:", f"'mine.py:' names no function; {ACCEPTED}"),
        (".mine:make", f"'.mine' is no absolute name of a module, such as package.module; {ACCEPTED}"),
        ("..:make", "'..' is no absolute name"),
        ("a b:make", "'a b' is no absolute name"),
        ("nowhere:make", "importing 'nowhere' raised ModuleNotFoundError: No module named 'nowhere'"),
        ("json.nowhere:make", "No module named 'json.nowhere'"),
        ("nowhere.py:make", f"'nowhere.py' is no file; {ACCEPTED}"),
        ("./mine:make", f"'./mine' is no file; {ACCEPTED}"),
        ("nul\0.py:make", "is no file"),
        ("folder.py:make", f"'folder.py' is a folder; {ACCEPTED}"),
        ("text.py:make", f"'text.py' has no 'make'; {ACCEPTED}"),
        ("text.py:a..b", "'text.py' has no 'a..b'"),
        ("text.py:a", f"'text.py:a' is no function, but of type int; {ACCEPTED}"),
        ("json:__name__", "'json:__name__' is no function, but of type str"),
    ],
)
def test_a_name_that_leads_to_no_function(name: str, words: str) -> None:
    Path("folder.py").mkdir()
    Path("text.py").write_text("a = 1")
    with pytest.raises(LoadError) as error:
        load_function(name)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"a = 1\nb = (\n", "SyntaxError: '(' was never closed (mine.py, line 2)"),
        (b"a = 1\n\nb = 1 / 0\n", "ZeroDivisionError: division by zero (mine.py, line 3)"),
        (b"import no_such_module", "ModuleNotFoundError: No module named 'no_such_module' (mine.py, line 1)"),
        (b"\nimport json\njson.loads('x')", "JSONDecodeError: Expecting value: line 1 column 1 (char 0) (mine.py, line 3)"),
        (b"import sys\nsys.exit()", "SystemExit (mine.py, line 2)"),
        (b"raise SystemExit('bye')", "SystemExit: bye (mine.py, line 1)"),
        (b"class Odd(BaseException): pass\nraise Odd('x')", "Odd: x (mine.py, line 2)"),
        (b"a = '\xff'", "SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff"),
        (b"\0", "null bytes"),
        (b"def __getattr__(name): 1 / 0", "ZeroDivisionError: division by zero (mine.py, line 1)"),
    ],
)
@pytest.mark.parametrize("name", ["mine.py:make", "mine:make"])
def test_a_module_that_cannot_be_imported(name: str, source: bytes, words: str) -> None:
    Path("mine.py").write_bytes(source)
    with pytest.raises(LoadError) as error:
        load_function(name)
    told = str(error.value).replace(os.path.realpath("mine.py"), "mine.py").replace(str(Path("mine.py").absolute()), "mine.py")
    assert told.startswith(f"importing {name.rpartition(':')[0]!r} raised ")
    assert words in told
    assert "clr_ref" not in told.replace(os.getcwd(), "")


def test_an_interrupt_at_import_ends_the_command() -> None:
    Path("mine.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_function("mine.py:make")


def test_a_function_must_take_what_it_is_called_with() -> None:
    Path("mine.py").write_text(
        "def more(policy, *, initial_learning_rate, maximal_learning_rate, step_size, decay): pass\n"
        "def fewer(policy): pass\n"
        "def right(name, *, initial_learning_rate, maximal_learning_rate, step_size): pass\n"
        "def any(policy, **_): pass\n"
    )
    for name, wrong in (("more", "missing a required argument: 'decay'"), ("fewer", "got an unexpected keyword argument")):
        with pytest.raises(LoadError, match=f"'mine.py:{name}' cannot be called as {name}\\(policy, initial_lea.*: {wrong}"):
            load(f"mine.py:{name}")
    assert load("mine.py:right").__name__ == "right"  # type: ignore[attr-defined]
    assert load("mine.py:any").__name__ == "any"  # type: ignore[attr-defined]
    assert load("builtins:max") is max  # it has no signature
    with pytest.raises(LoadError, match=r"cannot be called as right\(\): missing a required"):
        load_function("mine.py:right")


def test_an_error_is_shown_at_the_last_line_in_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other, mine = tmp_path / "other", tmp_path / "mine"
    other.mkdir()
    mine.mkdir()
    (other / "installed_one.py").write_text("def fail():\n    1 / 0\nif __name__ != 'installed_one':\n    fail()\n")
    (mine / "user_one.py").write_text("import installed_one\n\n\ndef make():\n    return None, installed_one.fail()\n")
    monkeypatch.setattr(sys, "path", [str(other), *sys.path])
    monkeypatch.chdir(other)
    name = f"{mine / 'user_one.py'}:make"
    make = load_function(name)
    with pytest.raises(ZeroDivisionError) as error:
        make()
    assert described(error.value, name) == f"ZeroDivisionError: division by zero ({mine / 'user_one.py'}, line 5)"
    # The name of a module: its folder is the current one, and the last line there is that of the other module.
    assert described(error.value, "user_one:make").endswith(f"({other / 'installed_one.py'}, line 2)")
    monkeypatch.chdir("/")
    assert described(error.value, "user_one:make").startswith("ZeroDivisionError")
    monkeypatch.chdir(tmp_path)
    assert described(ValueError("never raised"), name) == "ValueError: never raised"
    for loaded in ("installed_one", "user_one"):
        sys.modules.pop(loaded, None)


def test_an_own_module_that_fails_is_shown_where_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text("def half(x):\n    return 1 / x\n\n\nhalf(0)\n")
    with pytest.raises(LoadError) as error:
        load_function(f"{path}:make")
    assert str(error.value).endswith(f"raised ZeroDivisionError: division by zero ({path}, line 2)")


def test_an_installed_module_that_fails_is_shown_at_its_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "installed_two.py").write_text("\nimport installed_three\n")
    (folder / "installed_three.py").write_text("1 / 0\n")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with pytest.raises(LoadError) as error:
        load_function("installed_two:make")
    assert str(error.value) == (
        f"importing 'installed_two' raised ZeroDivisionError: division by zero ({folder / 'installed_two.py'}, line 2)"
    )


def test_a_file_can_import_its_neighbours_and_be_pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "user_four.py"
    path.write_text("def make(): pass\n")
    make = load_function(f"{path}:make")
    assert sys.modules.pop("user_four").make is make
    assert sys.path[0] == str(tmp_path.resolve())
    (tmp_path / "no_suffix").write_text("")
    with pytest.raises(LoadError, match=r"does not end in \.py; give"):
        load_function(f"{tmp_path / 'no_suffix'}:make")


def test_the_current_folder_is_searched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for before in ([], [""], [os.getcwd()]):
        monkeypatch.setattr(sys, "path", [*before, *(path for path in sys.path if path not in ("", os.getcwd()))])
        length = len(sys.path)
        load_function("os:getcwd")
        assert len(sys.path) == length + (not before)
        assert sys.path[0] in ("", os.getcwd())


def test_the_lines_of_clr_ref_are_not_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even in its checkout, where they are in the current folder too."""
    monkeypatch.chdir(Path(__file__).parents[2])
    with pytest.raises(ValueError, match="step_size") as error:
        clr_ref.triangular(0.0, 1.0, 0)
    assert f" ({Path(__file__)}, line " in described(error.value, "mine:make")
