"""Verify the reference and run its core tests on an emulated CPU: ``python .ci/foreign_cpu.py CPU FOLDER [--quick]``

The Python that runs this has the tests' pure Python packages. Debian's own Python, NumPy and QEMU are unpacked into FOLDER; the
system is not changed, and root is not needed. A second run uses what FOLDER holds already.
"""

from __future__ import annotations

import argparse
import compileall
import dataclasses
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Where Debian's packages come from on this system: the file that Debian 12 installs, or the older one.
SOURCES = [Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")]
#: Emulation is slow, so not all tests: those of each way to compute a rate, and of what the CPU may change.
TESTS = ("tests/exact", "tests/fast", "tests/test_environment.py", "tests/test_rates.py")
#: With --quick, this instead of everything: one case of ``verify``, with powers, and two files.
QUICK_CASE = "exp_range-0.9-7"
QUICK_TESTS = ("tests/fast/test_pairs.py", "tests/fast/test_plan.py")


@dataclasses.dataclass(frozen=True)
class Cpu:
    debian: str
    qemu: str
    #: What Python has to say there, so that no other CPU is tested by mistake: bits of an index, and byte order.
    kind: str


CPUS = {
    "aarch64": Cpu("arm64", "aarch64", "64 little"),
    "s390x": Cpu("s390x", "s390x", "64 big"),
    "armhf": Cpu("armhf", "arm", "32 little"),
}
KIND = "import sys, numpy; print(numpy.dtype(numpy.intp).itemsize * 8, sys.byteorder)"


#: The exit code where Debian's packages cannot be had: no other failure of tox or Python has it.
NO_PACKAGES = 77


class FetchError(Exception):
    """Debian's packages cannot be fetched. The message is one line."""


def unpack(folder: Path, architecture: str, *packages: str) -> Path:
    """Unpack Debian packages and all that they depend on; return the folder that holds their ``/usr``.

    Raises:
        FetchError: apt-get cannot fetch one of them.
    """
    root, apt = folder / "root", folder / "apt"
    if root.exists():
        return root
    for name in ("state/lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()  # nothing counts as installed, so that apt finds all dependencies
    settings = {
        "Dir::Etc::sourcelist": next(path for path in SOURCES if path.exists()),
        "Dir::Etc::sourceparts": os.devnull,
        "Dir::Etc::preferences": os.devnull,
        "Dir::Etc::preferencesparts": os.devnull,
        "Dir::State": apt / "state",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "APT::Architecture": architecture,
        "APT::Architectures::": architecture,
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
    }
    get = ["apt-get", "-qq", *(part for name, value in settings.items() for part in ("-o", f"{name}={value}"))]
    # One list that cannot be fetched, such as that of the security updates, is no failure while the others hold the packages.
    commands = ["update"], ["install", "-y", "--download-only", "--no-install-recommends", *packages]
    done = [
        subprocess.run([*get, *command], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for command in commands
    ]
    if done[-1].returncode:
        # What failed first is the reason, such as a name of a server that cannot be resolved.
        reason = next(filter(None, "\n".join(each.stderr for each in done).splitlines()), "apt-get says nothing")
        raise FetchError(f"Debian's {', '.join(packages)} for {architecture} cannot be fetched: {reason}")
    unfinished = folder / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    for package in sorted((apt / "cache/archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", package, unfinished], check=True)
    # Bytecode is the same on every CPU. Emulated, Python takes a minute at each start to compile its library.
    compileall.compile_dir(unfinished / "usr/lib", maxlevels=20, quiet=2, workers=2, stripdir=unfinished)
    return unfinished.rename(root)


def python(cpu: Cpu, folder: Path) -> list[str]:
    """Return the command that runs the foreign Python."""
    host = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()
    qemu = unpack(folder / "qemu", host, "qemu-user-static") / "usr/bin" / f"qemu-{cpu.qemu}-static"
    root = unpack(folder / cpu.debian, cpu.debian, "python3-numpy", "libblas3", "liblapack3")
    # Debian chooses between several BLAS with links that only the installation of a package makes.
    libraries = sorted(
        {str(path.parent) for name in ("libblas", "liblapack") for path in root.glob(f"usr/lib/*/*/{name}.so.3")}
    )
    return [str(qemu), "-L", str(root), "-E", f"LD_LIBRARY_PATH={':'.join(libraries)}", str(root / "usr/bin/python3")]


def main(name: str, folder: Path, quick: bool) -> int:
    cpu = CPUS[name]
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing or not any(path.exists() for path in SOURCES):
        print(f"An emulated CPU needs {' and '.join(missing) or 'a list of sources'} of Debian: run this there.")
        return NO_PACKAGES
    try:
        command = python(cpu, folder)
    except (FetchError, OSError) as error:
        print(error)
        return NO_PACKAGES
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")]),
    }
    found = subprocess.run([*command, "-c", KIND], env=environment, check=True, capture_output=True, text=True).stdout.strip()
    if found != cpu.kind:
        print(f"The emulated CPU must be {cpu.kind}-endian, got {found}-endian.")
        return 1
    verify = ["-m", "clr_ref", "verify"]
    pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=-ra --strict-markers"]
    calls = [[*verify, "--case", QUICK_CASE], [*pytest, *QUICK_TESTS]] if quick else [verify, [*pytest, *TESTS]]
    for call in calls:
        start = time.monotonic()
        print(f"{name}: python {' '.join(call)}", flush=True)
        failed = subprocess.run([*command, *call], cwd=ROOT, env=environment).returncode
        print(f"{name}: {'failed' if failed else 'passed'} in {time.monotonic() - start:.0f} s", flush=True)
        if failed:
            return 1
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Verify the reference and run its core tests on an emulated CPU.")
    parser.add_argument("cpu", choices=CPUS)
    parser.add_argument("folder", type=Path, help="Where Debian's packages are unpacked.")
    parser.add_argument("--quick", action="store_true", help="One case and two files instead of everything.")
    options = parser.parse_args()
    sys.exit(main(options.cpu, options.folder.resolve(), options.quick))
