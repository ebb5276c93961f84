"""Fashion-MNIST (Xiao et al., arXiv 1708.07747) as arrays, from wherever it already is; else downloaded. Needs NumPy alone.

It is looked for in the cache of Keras and in the folder of the Debian package ``dataset-fashion-mnist``. What is read is
checked by the sha256 of the unpacked files: the packages compress the same content differently.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import math
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class _File:
    """``content`` is the sha256 of the unpacked file, ``packed`` that of the .gz on the server."""

    name: str
    content: str
    packed: str


_FILES = (
    _File(
        "train-images-idx3-ubyte.gz",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    _File(
        "train-labels-idx1-ubyte.gz",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
    _File(
        "t10k-images-idx3-ubyte.gz",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    _File(
        "t10k-labels-idx1-ubyte.gz",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
)

#: Where Keras downloads the data from.
URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


class DataError(Exception):
    """The data is nowhere, incomplete or damaged; the message says which file and what to do."""


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Pictures and what they show.

    ``images`` are uint8 of shape (n, 28, 28), ``labels`` uint8 of shape (n,), 0 to 9. Both are read-only.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, n: int) -> Split:
        """The first n pictures, which is the subset that tests and short runs train on.

        Raises:
            ValueError: not 1 <= n <= len(self).
        """
        if not 1 <= n <= len(self):
            raise ValueError(f"subset must be a whole number 1 .. {len(self)}, got {n!r}")
        return Split(self.images[:n], self.labels[:n])


@dataclasses.dataclass(frozen=True, eq=False)
class FashionMnist:
    """60,000 pictures to train with and 10,000 to test with; ``folder`` is where they were read."""

    train: Split
    test: Split
    folder: Path


def load(folder: Path | None = None, *, download: bool = True) -> FashionMnist:
    """Fashion-MNIST, checked by its sha256.

    Args:
        folder: where the four .gz files are; by default Keras's cache (under KERAS_HOME, else ~/.keras), else the folder of
            the Debian package, whichever has them first.
        download: fetch the files into Keras's cache where no folder has them. Needs clr-ref[training].

    Raises:
        DataError: no folder has the files and nothing was downloaded, or a file is not what it should be.
    """
    if folder is not None:
        return read(folder)
    searched = (keras_cache(), DEBIAN)
    for candidate in searched:
        if all((candidate / file.name).is_file() for file in _FILES):
            return read(candidate)
    if not download:
        places = " or ".join(map(str, searched))
        raise DataError(f"Fashion-MNIST is not in {places}: install the Debian package dataset-fashion-mnist, or name a folder")
    return read(_download(keras_cache()))


def read(folder: Path) -> FashionMnist:
    """The four files of a folder.

    Raises:
        DataError: a file is missing, unreadable or not what it should be.
    """
    images, labels, test_images, test_labels = (parse_idx(_content(folder, file), file.name) for file in _FILES)
    return FashionMnist(Split(images, labels), Split(test_images, test_labels), folder)


def keras_cache() -> Path:
    """Where Keras keeps the data set once ``keras.datasets.fashion_mnist.load_data`` has run."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets" / "fashion-mnist"


def parse_idx(data: bytes, name: str) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an idx file: a magic number 0, 0, 8, rank; the shape, big-endian; the bytes.

    Args:
        data: the file, unpacked.
        name: what to call it in an error.

    Raises:
        DataError: anything else; the message names the file and says what is wrong with it.
    """
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise DataError(f"{name}: not an idx file of unsigned bytes, which starts with 00 00 08; got {data[:4].hex(' ')!r}")
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise DataError(f"{name}: ends within its header of {start} bytes, after {len(data)}")
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))
    if len(data) - start != math.prod(shape):
        raise DataError(f"{name}: {math.prod(shape)} bytes of shape {shape} are announced, {len(data) - start} are there")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _content(folder: Path, file: _File) -> bytes:
    path = folder / file.name
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        names = ", ".join(file.name for file in _FILES)
        raise DataError(f"{path}: missing; Fashion-MNIST is {names}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: {error}") from None
    if (found := hashlib.sha256(content).hexdigest()) != file.content:
        raise DataError(f"{path}: damaged, or not Fashion-MNIST: sha256 of the unpacked file is {found}, not {file.content}")
    return content


def _download(folder: Path, url: str = URL) -> Path:
    try:
        import pooch
    except ImportError as error:
        raise DataError(
            f"Fashion-MNIST is not in {folder} or {DEBIAN}: install clr-ref[training] to download it ({error})"
        ) from None
    hashes = {file.name: f"sha256:{file.packed}" for file in _FILES}
    registry: Any = pooch.create(path=folder, base_url=url, registry=hashes, retry_if_failed=2)
    for file in _FILES:
        try:
            registry.fetch(file.name)
        except (OSError, ValueError) as error:  # requests' errors are OSError; a wrong sha256 is a ValueError
            raise DataError(f"{url}{file.name}: {error}") from None
    return folder
