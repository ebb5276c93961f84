"""The peers: every TOML file in this folder describes one, and names the adapter module that holds its ``make``.

    [peer]
    name = "torch CyclicLR"          # on the pages, and for --peer
    requires = ["torch==2.13.0"]     # what has to be installed; the version of the first stands on the pages
    module = "torch_cyclic"          # optional: the adapter; default: the name of this file
    make = "make"                    # optional: its function
    max_examples = 20                # optional: inputs for each check, 60 by default; fewer for slow peers

    [[deviation]]                    # its known deviations follow, as in every exceptions file

docs/CONFORMANCE.md says how to add a peer.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import re
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

import clr_ref
from clr_ref._inputs import unknown
from clr_ref.conformance import exceptions
from clr_ref.conformance.config import MAX_EXAMPLES

HERE = Path(__file__).parent
#: The adapter of clr_ref itself. Its peers come first, and the first of them is what costs are compared with.
REFERENCE = "reference"

_FIELDS = {"name": str, "requires": list, "module": str, "make": str, "max_examples": int}


class PeerError(ValueError):
    """A TOML file does not describe a peer, or a peer cannot be tested here."""


@dataclasses.dataclass(frozen=True)
class Peer:
    """One implementation that is compared with the specification.

    ``module`` and ``make`` name its function in this package. ``requires`` are requirements as pip takes them; none for clr_ref
    itself. ``exceptions`` is the TOML file with its known deviations.
    """

    name: str
    requires: tuple[str, ...]
    module: str
    make: str
    max_examples: int
    exceptions: Path

    @property
    def package(self) -> str:
        """The distribution whose version stands on the pages."""
        return _distribution(self.requires[0]) if self.requires else "clr-ref"

    @property
    def implementation(self) -> str:
        """The name that ``clr-ref conform`` takes."""
        return f"clr_ref.conformance.peers.{self.module}:{self.make}"

    @property
    def reports_bugs(self) -> bool:
        """Whether the bugs of the adapter are reported with this peer: only one of several with one adapter does so."""
        return self.exceptions.stem == self.module

    def version(self) -> str:
        """Returns the installed version of the package.

        Raises:
            importlib.metadata.PackageNotFoundError: it is not installed.
        """
        return importlib.metadata.version(self.package) if self.requires else clr_ref.__version__


@dataclasses.dataclass(frozen=True)
class Bug:
    """A bug that users met, in ``BUGS`` of an adapter.

    ``probe`` provokes it, and returns a few words about what was seen; an empty string says that the bug did not show.
    ``fixed`` names the version in which it was fixed; while it is empty, the bug must show.
    """

    title: str
    link: str
    probe: Callable[[], str]
    fixed: str = ""


def read_peer(path: Path) -> Peer:
    """Returns the peer that a TOML file describes.

    Raises:
        PeerError: its [peer] table is missing or wrong; the message names the field.
        ExceptionsError: it is no exceptions file.
    """
    exceptions.read(path)
    table = exceptions.read_document(path).get("peer")
    if not isinstance(table, dict):
        raise PeerError(f'{path}: needs a [peer] table with name = "..." and requires = ["..."]')
    if others := set(table) - set(_FIELDS):
        raise PeerError(f"{path}: [peer] has the fields {', '.join(_FIELDS)}; got {', '.join(sorted(others))}")
    if absent := {"name", "requires"} - set(table):
        raise PeerError(f"{path}: [peer] needs {' and '.join(sorted(absent))}")
    for field, value in table.items():
        if type(value) is not _FIELDS[field] or value in ("", 0):
            raise PeerError(f"{path}: {field} must be of type {_FIELDS[field].__name__} and not empty, got {value!r}")
    module = table.get("module", path.stem)
    if not (path.parent / f"{module}.py").is_file():
        raise PeerError(f"{path}: there is no adapter {module}.py beside it; write it, or name another with module = ...")
    requires = table["requires"]
    if not all(isinstance(one, str) and _DISTRIBUTION.match(one) for one in requires) or not (requires or module == REFERENCE):
        raise PeerError(f'{path}: requires must hold requirements as pip takes them, such as "torch==2.13.0", got {requires!r}')
    make, max_examples = table.get("make", "make"), table.get("max_examples", MAX_EXAMPLES)
    return Peer(table["name"], tuple(requires), module, make, max_examples, path)


def read_peers(folder: Path = HERE) -> tuple[Peer, ...]:
    """Returns the peers of a folder: clr_ref first, then the others by name.

    Raises:
        PeerError: a file describes no peer, or two describe peers of one name.
        ExceptionsError: a file is no exceptions file.
    """
    peers = sorted(map(read_peer, folder.glob("*.toml")), key=lambda peer: (peer.module != REFERENCE, peer.name.casefold()))
    for name in {peer.name for peer in peers}:
        files = [peer.exceptions.name for peer in peers if peer.name == name]
        if len(files) > 1:
            raise PeerError(f"{folder}: {' and '.join(files)} describe peers of the same name {name!r}")
    return tuple(peers)


def choose(peers: Iterable[Peer], names: Iterable[str]) -> tuple[Peer, ...]:
    """Returns the peers of these names, or all if there are none, in their own order.

    Raises:
        PeerError: there is no peer of a name.
    """
    known = {peer.name: peer for peer in peers}
    for name in names:
        if name not in known:
            raise PeerError(unknown("a peer", name, known, "docs/PEERS.md"))
    return tuple(peer for name, peer in known.items() if name in names or not names)


def check_installed(peers: Iterable[Peer]) -> None:
    """Checks that the packages of all peers are installed, in any version.

    Raises:
        PeerError: some are not; the message names them, and the command that installs them.
    """
    absent = [peer for peer in peers if not all(map(_is_installed, peer.requires))]
    if absent:
        # All that these peers require, so that pip finds versions that fit together.
        requirements = shlex.join(dict.fromkeys(requirement for peer in absent for requirement in peer.requires))
        raise PeerError(
            f"packages are missing for {', '.join(peer.name for peer in absent)}: pip install {requirements} "
            "(or test other peers with --peer NAME)"
        )


_DISTRIBUTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def _distribution(requirement: str) -> str:
    found = _DISTRIBUTION.match(requirement)
    assert found is not None
    return found[0]


def _is_installed(requirement: str) -> bool:
    try:
        importlib.metadata.version(_distribution(requirement))
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
