"""The results of the peers, as a page in Markdown and in HTML: docs/PEERS.md and docs/peers.html."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clr_ref import pages
from clr_ref.pages.html import Markup, number, tag

Found = Sequence[dict[str, Any]]
Table = tuple[list[str], list[list[str]]]

#: Worst first, because a check is marked with its worst policy.
MARKS = {"fails": "FAILS", "excused": "deviates", "skipped": "skipped", "holds": "holds"}
#: The mark of a policy that deviates so far that its rates do not follow the formula.
DISTRUST = "do not trust"
#: The class of each mark in the style sheet.
_KINDS = {mark: status for status, mark in MARKS.items()} | {DISTRUST: "distrust"}
#: What the page says of a known bug: what was seen of it, the version in which it was fixed, or neither.
OCCURS, FIXED, GONE = "occurs: ", "fixed in ", "does not occur any more"
TITLE = "Which cyclical learning rates to trust"


def surprises(found: Found) -> list[str]:
    """A line for each result that differs from what is declared, and for each peer that could not be tested."""
    lines = []
    for peer in found:
        if "error" in peer:
            lines.append(f"{peer['name']} could not be tested: {peer['error']}")
            continue
        for verdict in peer["report"]["verdicts"]:
            if verdict["status"] == "fails":
                words = verdict["reason"] or (verdict["finding"] or {}).get("words") or "see its findings"
                lines.append(f"{peer['name']}: {verdict['policy']} {verdict['clause']} {verdict['name']}: {words}")
        lines += [f"{peer['name']}: {told}" for told in peer["report"]["told"]]
        for bug in peer["bugs"]:
            if bool(bug["seen"]) == bool(bug["fixed"]):
                lines.append(f"{peer['name']}: {bug['title']}: {bug['seen'] or GONE}")
    return lines


def overview(found: Found) -> Table:
    """A row for every policy of every peer."""
    rows = []
    for peer in _tested(found):
        for line in peer["report"]["policies"]:
            if not line["policy"]:
                continue
            offered = line["semantics"] != "not offered"
            worst = "" if line["worst_ulp"] is None else f"{line['worst_ulp']:,.0f}"
            rows.append(
                [
                    peer["name"],
                    f"{peer['package']} {peer['version']}",
                    line["policy"],
                    _semantics(line),
                    line["grade"] if offered else "",
                    worst,
                    peer["report"]["dtype"],
                    f"{peer['cost']:.3g}" if "cost" in peer else "",
                    peer["tested"],
                ]
            )
    return ["peer", "package", "policy", "semantics", "accuracy", "worst ULP", "dtype", "cost a step", "tested on"], rows


def matrix(found: Found) -> Table:
    """A row for every check and a column for every peer, with the mark of its worst policy."""
    peers = _tested(found)
    checks = dict.fromkeys(
        (v["clause"], v["name"], v["part"])
        for peer in peers
        for v in peer["report"]["verdicts"]
        if v["part"] in ("clause", "case", "accuracy")
    )
    parts = ("clause", "case", "accuracy")
    ordered = sorted(checks, key=lambda check: (parts.index(check[2]), [int(number) for number in check[0].split(".")]))
    rows = []
    for clause, name, part in ordered:
        row = [clause, name if part != "case" else f"case {name}"]
        for peer in peers:
            verdicts = peer["report"]["verdicts"]
            statuses = {v["status"] for v in verdicts if (v["clause"], v["name"], v["part"]) == (clause, name, part)}
            row.append(next((mark for status, mark in MARKS.items() if status in statuses), ""))
        rows.append(row)
    return ["clause", "check", *(peer["name"] for peer in peers)], rows


def bugs(found: Found) -> list[tuple[str, str, str, str]]:
    """Version, bug, link and result of every known bug."""
    return [
        (f"{peer['package']} {peer['version']}", bug["title"], bug["link"], _here(bug))
        for peer in _tested(found)
        for bug in peer["bugs"]
    ]


def deviations(found: Found) -> list[tuple[str, str, str]]:
    """Peer, reason, and the checks and cases to which the reason applies."""
    rows: dict[tuple[str, str], list[str]] = {}
    for peer in _tested(found):
        for verdict in peer["report"]["verdicts"]:
            if verdict["status"] in ("excused", "skipped"):
                names = rows.setdefault((peer["name"], verdict["reason"]), [])
                names.append(f"{verdict['policy']} {verdict['clause']} {verdict['name']}")
    return [(name, reason, ", ".join(names)) for (name, reason), names in rows.items()]


def trust(found: Found) -> list[tuple[str, str]]:
    """Sentences that say which peers to trust, made from the verdicts alone; the worst first, each with its class."""
    clean, rough, faulty = [], [], []
    for peer in _tested(found):
        offered = [line for line in peer["report"]["policies"] if line["policy"] and line["semantics"] != "not offered"]
        grades = {line["grade"] for line in offered}
        if any(line["grade"] == "not graded" for line in offered):
            faulty.append(peer["name"])
        elif all(line["semantics"] == "holds" for line in offered) and not deviations([peer]):
            exact = " (correctly rounded)" if grades == {"correctly rounded"} else ""
            clean.append(peer["name"] + exact)
        else:
            rough.append(peer["name"])
    lines = [("fails", f"{peer['name']} could not be tested: {peer['error']}.") for peer in found if "error" in peer]
    if faulty:
        lines.append(("distrust", f"Do not trust {_list(faulty)}: the rates do not follow the formula."))
    if rough:
        compute = "computes" if len(rough) == 1 else "compute"
        lines.append(
            (
                "excused",
                f"{_list(rough)} {compute} the right rates, with the deviations listed below: "
                "check whether one of them matters to you.",
            )
        )
    if clean:
        lines.append(("holds", f"No deviation was found in {_list(clean)}."))
    return lines


HOW = (
    "Every peer is installed from its package, and tested with the conformance kit (CONFORMANCE.md) for the three policies. "
    "*Semantics* says whether it is that policy. *Accuracy* is the best grade that all its rates satisfy. *Worst ULP* is the "
    "largest distance from the exact rate, in floats of its own precision. Slow peers are tested on fewer inputs, so compare "
    "worst distances by order of magnitude only. Distances such as 1,198,373 "
    "come from subnormal numbers, which TensorFlow, XLA and JAX flush to zero. "
    "Distances of hundreds of millions and more are those from a rate at the end of a cycle to 0, where the step was rounded. "
    "A deviation is declared, with its reason, in the TOML file beside the adapter in clr_ref/conformance/peers. A declared "
    "deviation that does not occur is an error, and so is one that occurs undeclared. A policy whose rates do not follow the "
    "formula is marked *do not trust*, even if that is declared. *Cost a step* is the time of one step in "
    "a training loop, divided by that of the reference's scalar call. Both are medians of one run in which the peers take "
    "turns, measured through the adapter on a shared machine."
)
BUGS = ("version", "bug", "here")
DEVIATIONS = ("peer", "why", "where")
MATRIX = (
    "Each cell shows the worst over the policies that the peer offers. It is empty if the peer does not offer a policy, or if "
    "the check does not apply to its kind of schedule."
)


def markdown(found: Found) -> str:
    """The page as Markdown."""
    known = [(version, f"[{bug}]({link})", here) for version, bug, link, here in bugs(found)]
    return pages.markdown.page(
        [
            f"# {TITLE}",
            "```sh\ntox run -e peers   # installs all of them, and makes this page\n```",
            "\n".join(f"- {line}" for _, line in trust(found)),
            "[The same as a page to sort, filter and print](peers.html).",
            HOW,
            pages.markdown.table(*overview(found)),
            "## Known bugs",
            pages.markdown.table(BUGS, known),
            "## Declared deviations",
            pages.markdown.table(DEVIATIONS, deviations(found)),
            "## Clause by clause",
            MATRIX,
            pages.markdown.table(*matrix(found)),
        ]
    )


def html(found: Found) -> str:
    """The page as HTML."""
    known = [(version, tag("td", tag("a", bug, href=link), "text"), here) for version, bug, link, here in bugs(found)]
    about = "Each implementation was tested in the version and on the day that the first table gives."
    body = [
        tag("ul", pages.html.join(tag("li", line, kind) for kind, line in trust(found)), "findings"),
        tag("p", HOW.replace("*", "")),
        _marked(*overview(sorted(found, key=_rank)), numbers=("worst ULP", "cost a step")),
        tag("h2", "Known bugs"),
        pages.html.table(BUGS, known),
        tag("h2", "Declared deviations"),
        pages.html.table(DEVIATIONS, deviations(found)),
        tag("h2", "Clause by clause"),
        tag("p", MATRIX),
        _marked(*matrix(found)),
    ]
    return pages.html.page(TITLE, about, body)


def _tested(found: Found) -> list[dict[str, Any]]:
    return [peer for peer in found if "error" not in peer]


def _here(bug: dict[str, Any]) -> str:
    if bug["seen"]:
        return f"{OCCURS}{bug['seen']}"
    return f"{FIXED}{bug['fixed']}" if bug["fixed"] else GONE


def _semantics(line: dict[str, Any]) -> str:
    status: str = line["semantics"]
    if status == "excused" and line["grade"] == "not graded":
        return DISTRUST
    return MARKS.get(status, status)


def _rank(peer: dict[str, Any]) -> int:
    """Returns the place of a peer's worst policy among the marks; the worst have the lowest."""
    marks = ["FAILS", DISTRUST, "deviates"]
    found = {_semantics(line) for line in peer["report"]["policies"]} if "error" not in peer else set()
    return next((place for place, mark in enumerate(marks) if mark in found), len(marks))


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _marked(names: list[str], rows: list[list[str]], numbers: Sequence[str] = ()) -> Markup:
    """The table, with each mark in its colour and the columns of numbers flush right."""

    def cell(name: str, text: str) -> str:
        if kind := _KINDS.get(text):
            return tag("td", text, kind)
        return number(text) if name in numbers else text

    return pages.html.table(names, [[cell(name, text) for name, text in zip(names, row, strict=True)] for row in rows], "wide")
