"""tox.ini names every pair that is recorded and every TensorFlow that is promised."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from clr_ref.golden.record import PAIRS

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tox() -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.read(ROOT / "tox.ini", "utf-8")
    return found


def plain(tox: configparser.ConfigParser) -> list[str]:
    return tox["tox"]["env_list"].split()


def labelled(tox: configparser.ConfigParser, label: str) -> list[str]:
    text = tox["tox"]["labels"].replace("\\\n", " ")
    (line,) = (line for line in text.splitlines() if line.strip().startswith(f"{label} ="))
    return [name.strip() for name in line.partition("=")[2].split(",")]


def test_every_pair_has_an_environment(tox: configparser.ConfigParser) -> None:
    assert labelled(tox, "record") == [f"record-{pair.name}" for pair in PAIRS]


def test_every_pair_can_be_called_by_name(tox: configparser.ConfigParser) -> None:
    """tox -e takes names that are sections, or made of known factors; a label alone does not make a name known."""
    sections = [re.fullmatch(r"testenv:(record-.*)\{(.*)\}", name) for name in tox.sections()]
    names = [found[1] + addons for found in sections if found for addons in found[2].split(",")]
    assert names == labelled(tox, "record")


def test_every_tensorflow_has_an_environment(tox: configparser.ConfigParser) -> None:
    found = [re.fullmatch(r"py3\d+-tf2(\d+)(-tfa\d+)?(-full)?", name) for name in labelled(tox, "all")]
    assert [one[1] for one in found if one] == [str(minor) for minor in range(8, 22)]
    assert [name for name, one in zip(labelled(tox, "all"), found, strict=True) if not one] == [
        "py310",
        "py311",
        "py312",
        "py311-tf216-legacy-full",
        "py311-keras38-full",
        "py311-keras312",
        "py313-jax-full",
        "py311-torch-full",
    ]


def test_every_tensorflow_is_traced(tox: configparser.ConfigParser) -> None:
    *traced, last = labelled(tox, "explain-training")
    found = [re.fullmatch(r"trace-py3\d+-tf2(\d+)(-legacy)?", name) for name in traced]
    assert [(one[1], one[2]) for one in found if one and not one[2]] == [(str(minor), None) for minor in range(8, 22)]
    assert (all(found), last) == (True, "explain-training")
    sections = [re.fullmatch(r"testenv:trace-\{(.*)\}|testenv:trace-(.*)", name) for name in tox.sections()]
    named = {name for one in sections if one for name in (one[1] or one[2]).split(",")}
    assert {name.removeprefix("trace-") for name in traced} == named


def test_environments_with_tfa_are_recorded_pairs(tox: configparser.ConfigParser) -> None:
    """Only then has tests/test_live.py something to reproduce; and each promises what it installs."""
    settings = tox["testenv"]
    deps = dict(re.findall(r"^(tfa?\d+): tensorflow-(?:cpu|addons)==([\d.]+)", settings["deps"], re.MULTILINE))
    promises = dict(re.findall(r"^(tfa?\d+): CLR_REF_EXPECT_TFA? = ([\d.]+)", settings["set_env"], re.MULTILINE))
    names = {pair.name for pair in PAIRS}
    for name in [*labelled(tox, "all"), *plain(tox)]:
        factors = [factor for factor in name.split("-") if factor.startswith("tf")]
        for factor in factors:
            assert deps.get(factor, promises[factor]).startswith(promises[factor].rstrip("*")), factor
        if len(factors) == 2:
            assert f"tf-{deps[factors[0]]}_tfa-{deps[factors[1]]}" in names, name


def test_the_lowest_keras_3_is_one_that_is_tested(tox: configparser.ConfigParser) -> None:
    source = (ROOT / "clr_ref" / "keras" / "api.py").read_text("utf-8")
    found = re.search(r"^LOWEST_KERAS_3 = \((\d+), (\d+)\)$", source, re.MULTILINE)
    assert found
    installed = re.findall(r"^keras\d+: keras==([\d.]+)\.\*$", tox["testenv"]["deps"], re.MULTILINE)
    assert installed[0] == f"{found[1]}.{found[2]}"
    names = [f"py311-keras{version.replace('.', '')}" for version in installed]
    assert names[0] in plain(tox)
    assert set(names) <= {name.removesuffix("-full") for name in labelled(tox, "all")}


def test_coverage_is_measured_without_a_framework_and_with_each_kind(tox: configparser.ConfigParser) -> None:
    """Code that only one of them runs would else count as not covered."""
    measured = [name.strip() for name in tox["coverage"]["environments"].split(",")]
    assert set(measured) <= set(plain(tox))
    assert [name.split("-")[1:2] for name in measured] == [[], ["tf215"], ["tf221"], ["jax"]]
    commands = tox["testenv"]["commands"] + tox["testenv:py313"]["commands"]
    assert commands.count("pytest {[coverage]flags}") == len(measured) + 1  # JAX once more, with x64


def test_plain_tox_has_the_lowest_and_the_newest(tox: configparser.ConfigParser) -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    versions = re.findall(r"Programming Language :: Python :: 3\.(\d+)", project)
    assert f'requires-python = ">=3.{versions[0]}"' in project
    assert f"py3{versions[-1]}" in plain(tox)
    # Plain tox runs the lowest Python with the lowest dependencies; tox -m all runs it with the newest, and those between.
    between = [f"py3{version}" for version in versions[:-1]]
    assert labelled(tox, "all")[: len(between)] == between
    assert f"py3{versions[0]}-lowest" in plain(tox)
    assert tox[f"testenv:py3{versions[0]}-lowest"]["uv_resolution"] == "lowest-direct"
    assert tox[f"testenv:py3{versions[0]}-type"]["base_python"] == f"py3{versions[0]}"
    assert tox["testenv:type"]["base_python"] == f"py3{versions[-1]}"


def test_every_emulated_cpu_can_be_called_by_name(tox: configparser.ConfigParser) -> None:
    (section,) = (name for name in tox.sections() if name.startswith("testenv:cpu-"))
    source = (ROOT / ".ci" / "foreign_cpu.py").read_text("utf-8")
    names = re.findall(r'^    "(\w+)": Cpu\(', source, re.MULTILINE)
    assert section == f"testenv:cpu-{{{','.join(names)}}}"
    commands = re.findall(r"^(\w+): python \.ci\{/\}foreign_cpu\.py (\w+) ", tox[section]["commands"], re.MULTILINE)
    assert commands == [(name, name) for name in names]


def test_pre_commit_runs_the_tools_that_tox_runs() -> None:
    """pre-commit cannot read a dependency group, so the versions stand in both files."""
    pins = {
        name: set(re.findall(r"\b([a-z][\w-]*)(?:\[cli\])?([=>]=[\d.]+)", (ROOT / name).read_text("utf-8")))
        for name in (".pre-commit-config.yaml", "pyproject.toml")
    }
    exact = {tool for tool, version in pins[".pre-commit-config.yaml"] if version.startswith("=")}
    assert exact == {"check-jsonschema", "codespell", "mypy", "ruff", "zizmor"}
    assert pins[".pre-commit-config.yaml"] <= pins["pyproject.toml"]


def test_lint_checks_every_workflow_and_issue_form(tox: configparser.ConfigParser) -> None:
    commands = tox["testenv:lint"]["commands"].replace("{/}", "/")
    for pattern in (".github/workflows/*", ".github/ISSUE_TEMPLATE/*", "docs/examples/*.yml"):
        for file in ROOT.glob(pattern):
            assert file.relative_to(ROOT).as_posix() in commands
    (zizmor,) = (line for line in commands.splitlines() if line.startswith("zizmor "))
    assert zizmor.split()[-2:] == [".github", "docs/examples/conformance.yml"]
