"""Fashion-MNIST is read whole and checked, from the first place that has it."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from clr_ref.training import data


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


ARRAYS = {
    "train-images-idx3-ubyte.gz": np.arange(6 * 28 * 28).reshape(6, 28, 28) % 251,
    "train-labels-idx1-ubyte.gz": np.array([9, 0, 0, 3, 0, 2]),
    "t10k-images-idx3-ubyte.gz": np.arange(2 * 28 * 28).reshape(2, 28, 28) % 249,
    "t10k-labels-idx1-ubyte.gz": np.array([7, 1]),
}


def write(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, array in ARRAYS.items():
        (folder / name).write_bytes(gzip.compress(idx(array), mtime=0))
    return folder


@pytest.fixture(autouse=True)
def _small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A data set of 6 + 2 pictures in the place of the real one, and no folder of this machine."""
    if "fashion_mnist" in request.fixturenames:
        return
    files = []
    for name, array in ARRAYS.items():
        content = idx(array)
        packed = hashlib.sha256(gzip.compress(content, mtime=0)).hexdigest()
        files.append(data._File(name, hashlib.sha256(content).hexdigest(), packed))
    monkeypatch.setattr(data, "_FILES", tuple(files))
    monkeypatch.setattr(data, "DEBIAN", tmp_path / "debian")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def test_a_folder_is_read(tmp_path: Path) -> None:
    found = data.load(write(tmp_path / "here"))
    assert found.train.images.shape == (6, 28, 28)
    assert found.train.images.dtype == found.train.labels.dtype == np.uint8
    assert found.train.images.tolist() == ARRAYS["train-images-idx3-ubyte.gz"].tolist()
    assert found.train.labels.tolist() == [9, 0, 0, 3, 0, 2]
    assert found.test.labels.tolist() == [7, 1]
    assert found.folder == tmp_path / "here"


def test_a_user_without_a_home_has_a_cache_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as where neither HOME nor the user's entry is there
    assert data.keras_cache() == Path("~/.keras/datasets/fashion-mnist")


def test_keras_cache_comes_before_the_debian_package(tmp_path: Path) -> None:
    write(tmp_path / "debian")
    assert data.load(download=False).folder == tmp_path / "debian"
    cache = write(tmp_path / "keras" / "datasets" / "fashion-mnist")
    assert data.load(download=False).folder == cache
    (cache / "t10k-labels-idx1-ubyte.gz").unlink()  # as after a download that was interrupted
    assert data.load(download=False).folder == tmp_path / "debian"


def test_a_cache_that_cannot_be_looked_into_has_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "debian")
    # A name of 300 letters is as unreachable as the home of another user, which root, as in a container, could read.
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / ("x" * 300)))
    assert data.load(download=False).folder == tmp_path / "debian"


def test_nowhere(tmp_path: Path) -> None:
    with pytest.raises(data.DataError, match="Debian package dataset-fashion-mnist"):
        data.load(download=False)


def test_another_packing_of_the_same_content_is_the_same(tmp_path: Path) -> None:
    folder = write(tmp_path / "here")
    for name, array in ARRAYS.items():
        (folder / name).write_bytes(gzip.compress(idx(array), compresslevel=1, mtime=1_500_000_000))
    assert data.load(folder).test.labels.tolist() == [7, 1]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "here")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(data.DataError, match=r"t10k-labels-idx1-ubyte\.gz: missing"):
        data.load(folder)


@pytest.mark.parametrize("damage", ["flip", "cut", "other", "empty"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    folder = write(tmp_path / "here")
    path = folder / "train-labels-idx1-ubyte.gz"
    content = path.read_bytes()
    other = gzip.compress(idx(np.array([9, 0, 0, 3, 0, 1])), mtime=0)
    path.write_bytes(
        {"flip": content[:14] + bytes([content[14] ^ 1]) + content[15:], "cut": content[:-9], "other": other, "empty": b""}[
            damage
        ]
    )
    with pytest.raises(data.DataError, match=r"train-labels-idx1-ubyte\.gz: "):
        data.load(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "starts with 00 00 08, got ''"),
        (b"\0\0\x0d\x01\0\0\0\0", "starts with 00 00 08, got '00 00 0d 01'"),  # floats
        (b"\0\0\x08\x02\0\0\0\1", "its header has 12 bytes, but the file ends after 8"),
        (b"\0\0\x08\x01\0\0\0\1", r"its header gives the shape \(1,\), which is 1 bytes; 0 follow"),
        (b"\0\0\x08\x01\0\0\0\3ab", r"its header gives the shape \(3,\), which is 3 bytes; 2 follow"),
        (b"\0\0\x08\x01\0\0\0\1ab", r"its header gives the shape \(1,\), which is 1 bytes; 2 follow"),
    ],
)
def test_what_is_no_idx_file_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(data.DataError, match=f"name: .*{message}"):
        data.parse_idx(content, "name")


def test_the_shape_is_big_endian_and_row_major() -> None:
    array = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    assert data.parse_idx(idx(array), "x").tolist() == array.tolist()


def test_first_is_the_first(tmp_path: Path) -> None:
    train = data.load(write(tmp_path / "here")).train
    assert len(train.first(6)) == 6
    assert train.first(2).labels.tolist() == [9, 0]
    assert train.first(2).images.tolist() == train.images[:2].tolist()
    for n in (0, 7, -1):
        with pytest.raises(ValueError, match=f"subset must be a whole number 1 .. 6, got {n}"):
            train.first(n)


def test_arrays_cannot_be_changed(tmp_path: Path) -> None:
    found = data.load(write(tmp_path / "here"))
    with pytest.raises(ValueError, match="read-only"):
        found.train.images[0, 0, 0] = 1


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server on loopback, with the files, and their folder."""
    folder = write(tmp_path / "served")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder))) as one:
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{one.server_address[1]}/", folder
        one.shutdown()
        thread.join()


def test_a_download_is_kept_where_keras_looks(
    server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("pooch", reason="pooch, which downloads, is not installed: clr-ref[training]")
    monkeypatch.setattr(data, "_download", functools.partial(data._download, url=server[0]))
    cache = tmp_path / "keras" / "datasets" / "fashion-mnist"
    assert data.load().folder == cache
    assert sorted(path.name for path in cache.iterdir()) == sorted(ARRAYS)
    assert data.load(download=False).folder == cache


def test_a_wrong_download_is_refused(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pooch", reason="pooch, which downloads, is not installed: clr-ref[training]")
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # what pooch does before it tries again
    (server[1] / "train-images-idx3-ubyte.gz").write_bytes(b"a login page")
    with pytest.raises(data.DataError, match=r"train-images-idx3-ubyte\.gz: "):
        data._download(tmp_path / "cache", server[0])
    assert not (tmp_path / "cache" / "train-images-idx3-ubyte.gz").exists()


def test_the_real_data(fashion_mnist: data.FashionMnist) -> None:
    """Sizes and classes of the paper: 60,000 and 10,000 pictures, as many of each of ten kinds."""
    assert fashion_mnist.train.images.shape == (60_000, 28, 28)
    assert fashion_mnist.test.images.shape == (10_000, 28, 28)
    assert np.bincount(fashion_mnist.train.labels).tolist() == [6_000] * 10
    assert np.bincount(fashion_mnist.test.labels).tolist() == [1_000] * 10
    assert fashion_mnist.train.labels[:5].tolist() == [9, 0, 0, 3, 0]
