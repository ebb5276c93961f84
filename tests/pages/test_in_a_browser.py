"""Every kind of report in headless Chromium: no wider than its window, sorted by a click, and filtered."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from tests.pages.reports import ODD, PAGES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NARROW, WIDE = 400, 1280

#: Looks at each page in a frame, which is a window of that width for the page. Sorts its longest table, and filters the first.
PROBE = """
addEventListener("load", () => {
  const found = {};
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, width = frame.contentWindow.innerWidth;
    const one = { width, scrolls: page.scrollingElement.scrollWidth, wide: [], errors: frame.contentWindow.errors };
    for (const element of page.body.querySelectorAll("*")) {
      if (!element.closest(".box, .picture") || element.matches(".box, .picture")) {
        const right = element.getBoundingClientRect().right;
        if (right > width) one.wide.push(element.outerHTML.slice(0, 80) + " ends at " + right);
      }
    }
    const table = Array.from(page.querySelectorAll("table")).sort((a, b) => b.rows.length - a.rows.length)[0];
    const heads = Array.from(table.tHead.rows[0].cells, (head) => head.textContent);
    const chosen = heads.includes("clause") ? heads.indexOf("clause") : 1;
    const column = () => Array.from(table.tBodies[0].rows, (row) => row.cells[chosen].textContent);
    one.rows = table.tBodies[0].rows.length;
    const button = table.tHead.rows[0].cells[chosen].querySelector("button");
    if (button) {
      button.click();
      one.up = column();
      button.click();
      one.down = column();
    }
    const input = page.querySelector(".filter input");
    if (input) {
      const filtered = input.parentNode.nextElementSibling.querySelector("table");
      input.value = "zzz-nothing";
      input.dispatchEvent(new Event("input"));
      one.left = Array.from(filtered.tBodies[0].rows).filter((row) => row.getBoundingClientRect().height > 0).length;
      one.said = input.parentNode.textContent;
    }
    found[frame.id] = one;
  }
  document.body.textContent = JSON.stringify(found);
});
"""


def frame(name: str, width: int, page: str) -> str:
    watched = page.replace("<head>", "<head><script>errors = []; onerror = (text) => { errors.push(text) }</script>", 1)
    return f'<iframe id="{name} {width}" style="width:{width}px;border:0" srcdoc="{html.escape(watched)}"></iframe>'


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    folder = tmp_path_factory.mktemp("browser")
    frames = [frame(name, width, make()) for name, make in PAGES.items() for width in (NARROW, WIDE)]
    (folder / "all.html").write_text(f"<!doctype html><script>{PROBE}</script><body>{''.join(frames)}", "utf-8")
    options = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"
    command = [CHROMIUM, *options.split(), "--disable-sync", f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    done = subprocess.run([*command, (folder / "all.html").as_uri()], capture_output=True, text=True, check=False, timeout=120)
    found = re.search(r"<body>(\{.*\})", done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(html.unescape(found[1]))  # type: ignore[no-any-return]


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_the_window(seen: dict[str, Any], name: str, width: int) -> None:
    one = seen[f"{name} {width}"]
    assert one["width"] in (width, width - 15)  # less a scroll bar
    assert one["scrolls"] <= one["width"]
    assert one["wide"] == []
    assert one["errors"] == []


@pytest.mark.parametrize("name", [name for name in PAGES if name != "tutorial"])  # its tables are short
def test_long_tables_are_sorted_and_filtered(seen: dict[str, Any], name: str) -> None:
    one = seen[f"{name} {NARROW}"]
    # Clauses are no decimal fractions: 3.10 follows 3.9.
    key = (lambda text: [int(part) for part in text.split(".")]) if name in ("conform", "peers") else numeric
    assert len(one["up"]) == one["rows"] >= 20
    assert one["up"] == sorted(one["up"], key=key)
    assert one["down"] == sorted(one["down"], key=key, reverse=True)
    assert one["left"] == 0
    assert re.search(r"0 of \d+ rows", one["said"])


def numeric(text: str) -> float:
    return float(text.replace(",", ""))


@pytest.mark.parametrize("name", PAGES)
def test_texts_of_implementations_are_shown_and_not_run(name: str) -> None:
    page = PAGES[name]()
    assert html.escape(ODD) in page
    assert ODD not in page
    assert page.count("<script>") == 1
