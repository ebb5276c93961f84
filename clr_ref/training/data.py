"""Fashion-MNIST (Xiao et al., arXiv 1708.07747) as arrays. Needs NumPy alone, unless it downloads the files.

The files are read from the cache of Keras or from the folder of the Debian package ``dataset-fashion-mnist``; if neither has
them, they are downloaded. The sha256 of the unpacked files is checked. That of the .gz files would not do, since the two
sources compress the same content differently.
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

__all__ = ["DataError", "FashionMnist", "Split", "load", "read"]


def __dir__() -> list[str]:
    return __all__


@dataclasses.dataclass(frozen=True)
class _File:
    """A file. ``content`` is the sha256 of the unpacked file, ``packed`` that of the .gz on the server."""

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

#: The server from which Keras downloads the data.
URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


class DataError(Exception):
    """The data is missing, incomplete or damaged; the message names the file and says what to do."""


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Pictures and their classes.

    ``images`` are uint8 of shape (n, 28, 28), ``labels`` uint8 of shape (n,), 0 to 9. Both are read-only.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, n: int) -> Split:
        """The first n pictures, on which tests and short runs train.

        Raises:
            ValueError: not 1 <= n <= len(self).
        """
        if not 1 <= n <= len(self):
            raise ValueError(f"subset must be a whole number 1 .. {len(self)}, got {n!r}")
        return Split(self.images[:n], self.labels[:n])


@dataclasses.dataclass(frozen=True)
class FashionMnist:
    """60,000 pictures for training and 10,000 for tests, read from ``folder``."""

    train: Split
    test: Split
    folder: Path


def load(folder: str | os.PathLike[str] | None = None, *, download: bool = True) -> FashionMnist:
    """Fashion-MNIST, checked by its sha256.

    Args:
        folder: where the four .gz files are. By default it is Keras's cache (under KERAS_HOME, or ~/.keras), or the folder of
            the Debian package if the cache does not have them.
        download: download the files into Keras's cache if no folder has them. Needs clr-ref[training].

    Raises:
        DataError: no folder has the files and they were not downloaded, or a file does not have the expected content.
    """
    if folder is not None:
        return read(folder)
    searched = (keras_cache(), DEBIAN)
    for candidate in searched:
        # Path.is_file raises an error for a folder that may not be searched, such as the home of another user in a container.
        if all(os.path.isfile(candidate / file.name) for file in _FILES):
            return read(candidate)
    if not download:
        places = " or ".join(map(str, searched))
        raise DataError(f"Fashion-MNIST is not in {places}: install the Debian package dataset-fashion-mnist, or name a folder")
    return read(_download(keras_cache()))


def read(folder: str | os.PathLike[str]) -> FashionMnist:
    """Fashion-MNIST from the four files of a folder.

    Raises:
        DataError: a file is missing, cannot be read or does not have the expected content.
    """
    folder = Path(folder)
    images, labels, test_images, test_labels = (parse_idx(_content(folder, file), file.name) for file in _FILES)
    return FashionMnist(Split(images, labels), Split(test_images, test_labels), folder)


def keras_cache() -> Path:
    """The folder in which ``keras.datasets.fashion_mnist.load_data`` keeps the data."""
    # As Keras does, and unlike Path.home(), this raises no error for a user without a home.
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    return Path(home) / "datasets" / "fashion-mnist"


def parse_idx(data: bytes, name: str) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an idx file.

    Such a file holds the bytes 0, 0, 8 and the rank, then the shape in big-endian order, then the elements.

    Args:
        data: the file, unpacked.
        name: its name in an error.

    Raises:
        DataError: the file has another form; the message names it and says what is wrong.
    """
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise DataError(f"{name}: an idx file of unsigned bytes starts with 00 00 08, got {data[:4].hex(' ')!r}")
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise DataError(f"{name}: its header has {start} bytes, but the file ends after {len(data)}")
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))
    if len(data) - start != math.prod(shape):
        raise DataError(
            f"{name}: its header gives the shape {shape}, which is {math.prod(shape)} bytes; {len(data) - start} follow"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _content(folder: Path, file: _File) -> bytes:
    path = folder / file.name
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        names = ", ".join(file.name for file in _FILES)
        raise DataError(f"{path}: missing; Fashion-MNIST consists of {names}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: {error}") from None
    if (found := hashlib.sha256(content).hexdigest()) != file.content:
        raise DataError(f"{path}: damaged, or not Fashion-MNIST: the unpacked file has the sha256 {found}, not {file.content}")
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
