"""Report the coverage of several tox environments: ``python .ci/combined_coverage.py FOLDER ENVIRONMENT, ...``

FOLDER holds one data file per environment, of the environment's name. ``fail_under`` of pyproject.toml applies only if every
named ENVIRONMENT has run since ``clr_ref/`` last changed: code that only one of them runs is else reported as missing.
"""

from __future__ import annotations

import sys
from pathlib import Path

from coverage import Coverage


def up_to_date(folder: Path, sources: Path) -> list[Path]:
    """The data files that are newer than every source; lines may have moved since an older one was written."""
    changed = max(path.stat().st_mtime for path in sources.rglob("*.py"))
    # A dot is in the name of what a process writes before pytest-cov combines it: a killed run leaves some behind.
    return sorted(path for path in folder.glob("*") if "." not in path.name and path.stat().st_mtime >= changed)


def main(folder: Path, needed: list[str]) -> int:
    files = up_to_date(folder, Path("clr_ref"))
    missing = [name for name in needed if name not in [path.name for path in files]]
    if not files:
        print("No environment has measured coverage since clr_ref/ last changed. Run one first: tox run -e py313,coverage")
        return 1
    coverage = Coverage(data_file=None)
    coverage.combine([str(path) for path in files], strict=True, keep=True)
    total = coverage.report(show_missing=True, skip_covered=True)
    limit = coverage.get_option("report:fail_under")
    print("measured in:", *[path.name for path in files])
    if missing:
        print("not run since clr_ref/ last changed, so that no limit applies:", *missing)
        return 0
    print(f"{total:.2f} % of the lines run; the limit is {limit} %")
    return int(total < limit)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [name.rstrip(",") for name in sys.argv[2:]]))
