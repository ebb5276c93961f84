"""README.md and the pages of docs/: their commands, links, examples and lists are those of the project as it is now."""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

import clr_ref
from clr_ref.cli import main

ROOT = Path(__file__).parents[1]
CONFORMANCE = ROOT / "docs" / "CONFORMANCE.md"
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").rglob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> Iterator[list[str]]:
    """The calls of clr-ref in the blocks for a shell, without comments."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r" && |; ", line):
                words = shlex.split(part, comments=True)
                if words[:1] == ["clr-ref"]:
                    yield words[1:]


CALLS = [pytest.param(call, id=f"{page.stem}: {' '.join(call)}") for page in PAGES for call in commands(page)]


def test_there_are_commands_of_each_kind() -> None:
    assert {call[0] for page in PAGES for call in commands(page)} == set(main.commands)


@pytest.mark.parametrize("call", CALLS)
def test_the_commands_are_right_calls(call: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every option exists, and takes what is given; nothing is run."""
    monkeypatch.chdir(tmp_path)
    for name in [word for word in call if word.endswith((".toml", ".json", ".md"))]:  # click looks for files that are read
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    command: click.Command = main
    words = call
    while isinstance(command, click.Group):
        if words[0] not in command.commands:  # study FILE.toml is short for study run FILE.toml
            words = ["run", *words]
        command, words = command.commands[words[0]], words[1:]
    assert command.make_context(call[0], words, parent=click.Context(main, **main.context_settings)).params


def test_readme_fits_a_terminal_of_80_columns() -> None:
    assert [line for line in README.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")), ids=lambda page: page.stem)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    """The strict build of the site checks the links in docs/, and not those of the pages beside it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub and MkDocs give to headings: words in small letters, joined by hyphens."""
    titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_the_results_in_the_python_example_are_the_results() -> None:
    """A comment begins with the repr of the value in its line; words may follow after a semicolon."""
    (example,) = (block for block in blocks(ROOT / "README.md", "python") if "import clr_ref, numpy" in block)
    namespace: dict[str, object] = {}
    lines = example.splitlines()
    exec(compile("\n".join(line for line in lines if "#" not in line), "README.md", "exec"), namespace)
    shown = [line for line in lines if "#" in line]
    assert len(shown) >= 5
    for line in shown:
        expression, _, comment = line.partition("#")
        value = eval(expression, namespace)
        # NumPy 2 writes np.float32(0.01), earlier ones 0.01.
        assert comment.split(";")[0].strip() in (repr(value), str(value), f"np.{type(value).__name__}({value!s})"), line


def test_the_workflow_to_paste_is_the_checked_one_with_our_pins() -> None:
    """Lint checks the file; Dependabot renews only the actions of our own workflows."""
    workflow = (ROOT / "docs" / "examples" / "conformance.yml").read_text("utf-8")
    assert blocks(CONFORMANCE, "yaml") == [workflow]
    pinned = re.findall(r"uses: (.*)", workflow)
    assert len(pinned) == 3
    assert set(pinned) <= set(re.findall(r"uses: (.*)", (ROOT / ".github" / "workflows" / "tests.yml").read_text("utf-8")))
    for run in re.findall(r"run: (.*)", workflow):
        assert run.startswith("python -m pip ") or "mypackage.schedules:make" in run


def test_the_failure_that_conformance_quotes_is_what_the_kit_finds() -> None:
    """An implementation that never halves the amplitude fails in the quoted words, except for the command that repeats it."""

    def make(policy: str, **arguments: float) -> Callable[[int], float]:
        wide = clr_ref.triangular(**arguments, dtype="float64")
        return lambda step: float(wide(step))

    quoted = CONFORMANCE.read_text("utf-8").partition("\n```\ntriangular2 FAILS ")[2].partition("```")[0]
    from clr_ref.conformance import runner, subject

    options = runner.Options("float64", ("triangular2",), (), 0, 60, lambda policy: "")
    first = next(verdict for verdict in runner.run_checks(subject.Local(make), options) if verdict.fails)  # no check after it
    headline, *lines = quoted.splitlines()
    assert headline == f'{first.clause} {first.name}: "{first.quote}"'
    found = [line for line in str(first.finding).splitlines() if "repeat" not in line]
    assert found == [line for line in lines if "repeat" not in line]


def test_the_list_of_environments_is_that_of_plain_tox() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", "utf-8")
    part = README.partition("`tox` without arguments runs these environments:\n")[2].partition("\n\n`tox run -m all`")[0]
    assert sorted(re.findall(r"`([\w-]+)`", part)) == sorted(tox["tox"]["env_list"].split())


def test_named_environments_exist() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", "utf-8")
    known = set(re.findall(r"[\w.-]+", tox["tox"]["env_list"] + tox["tox"]["labels"]))
    known |= {section.removeprefix("testenv:") for section in tox.sections()}
    factors = [re.fullmatch(r"testenv:([\w-]+)\{([\w,-]+)\}", section) for section in tox.sections()]
    known |= {found[1] + name for found in factors if found for name in found[2].split(",")}
    named = [names for page in PAGES for names in re.findall(r"tox run -e ([\w.,-]*\w)", page.read_text("utf-8"))]
    assert len(named) > 5
    assert {name for names in named for name in names.split(",")} <= known
