"""The built site: strict about links and public names, complete, and without anything that it loads from elsewhere.

The environment docs builds the site and names its folder in CLR_REF_SITE; elsewhere there is no MkDocs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("CLR_REF_SITE", ""))
pytestmark = pytest.mark.skipif(
    "CLR_REF_SITE" not in os.environ, reason="CLR_REF_SITE names no built site; tox -e docs builds it"
)


def test_every_page_of_docs_is_built() -> None:
    pages = [page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")]
    assert len(pages) > 10
    assert [page for page in pages if not (SITE / page).is_file()] == []
    assert not list(SITE.rglob("*.py"))


def test_nothing_is_loaded_from_elsewhere() -> None:
    loading = re.compile(
        r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^>]*>|<link\b[^>]*href=[\"']?(?:https?:)?//[^>]*>"
    )
    pages = list(SITE.rglob("*.html"))
    assert [(page.name, found) for page in pages for found in loading.findall(page.read_text("utf-8"))] == []
    sheets = [sheet for sheet in SITE.rglob("*.css") if re.search(r"url\([\"']?https?:|@import", sheet.read_text("utf-8"))]
    assert sheets == []


def test_every_list_is_one() -> None:
    """Without an empty line before it, a list after a table or a fence is the text of a paragraph."""
    lost = re.compile(r"<p>(?:(?!</p>).)*?\n(?:- |\d+\. )", re.DOTALL)
    pages = {page.name: lost.findall(page.read_text("utf-8")) for page in SITE.rglob("*.html")}
    assert {name: found for name, found in pages.items() if found} == {}


def test_each_fault_fails_a_strict_build_and_is_named(tmp_path: Path) -> None:
    """A broken link, a broken anchor, a page outside the navigation, a lost docstring, and a public name on no page."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copytree(ROOT / "clr_ref", tmp_path / "clr_ref", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    (tmp_path / "docs" / "lonely.md").write_text("# Lonely\n\n[gone](gone.md) [nowhere](SPEC.md#nowhere)\n", "utf-8")
    module = tmp_path / "clr_ref" / "keras_2.py"
    source = module.read_text("utf-8")
    shortened = re.sub(r'(def load_optimizer\(.*?:\n)    """.*?"""\n', r"\1", source, count=1, flags=re.DOTALL)
    assert shortened != source
    module.write_text(shortened, "utf-8")
    package = tmp_path / "clr_ref" / "__init__.py"
    package.write_text(package.read_text("utf-8").replace("__all__ = [", '__all__ = [\n    "ulp",'), "utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode != 0
    for message in (
        'are not included in the "nav" configuration:\n  - lonely.md\n',
        "'lonely.md' contains a link 'gone.md', but the target is not found",
        "'lonely.md' contains a link 'SPEC.md#nowhere', but the doc 'SPEC.md' does not contain an anchor '#nowhere'",
        "api/keras.md: the public name clr_ref.keras_2.load_optimizer has no docstring",
        "the public name clr_ref.ulp is on no page",
    ):
        assert message in done.stderr
