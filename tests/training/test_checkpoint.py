"""A checkpoint comes back in its bits, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_ref.training import checkpoint
from clr_ref.training.checkpoint import Checkpoint, CheckpointError

IDENTITY: dict[str, Any] = {"experiment": {"seed": 3, "epochs": 2}, "versions": {"tensorflow": "2.15.1"}}


def one() -> Checkpoint:
    return Checkpoint(
        step=2,
        weights=tuple(np.arange(n, dtype=np.float32) for n in range(12)),  # more than ten: order is by number, not by text
        optimizer=(np.array(2, np.int64),),
        random=(np.array([584361683, 10], np.int64),),
        rates=np.array([1e-4, np.float32(0.1)]),
        losses=np.array([2.3, 1 / 3]),
        hits=np.array([5, 64], np.int64),
        validation=({"val_loss": 0.1 + 0.2, "val_accuracy": 0.5},),
    )


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, one(), IDENTITY)
    found = checkpoint.load(path, IDENTITY)
    assert found is not None
    for group in ("weights", "optimizer", "random"):
        pairs = list(zip(getattr(one(), group), getattr(found, group), strict=True))
        assert all(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)
    for series in ("rates", "losses", "hits"):
        assert getattr(found, series).tobytes() == getattr(one(), series).tobytes()
    assert (found.step, found.validation) == (2, one().validation)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_none_is_none(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path / "checkpoint.npz", IDENTITY) is None


def test_another_run_is_refused_with_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, one(), IDENTITY)
    other = {"experiment": {"seed": 4, "epochs": 2}, "versions": {"tensorflow": "2.21.0"}}
    with pytest.raises(CheckpointError) as refused:
        checkpoint.load(path, other)
    assert str(refused.value) == (
        f"{path} is the checkpoint of another run; these differ: experiment.seed was 3, now 4; "
        "versions.tensorflow was '2.15.1', now '2.21.0'"
    )


def test_a_cpu_of_another_name_resumes(tmp_path: Path) -> None:
    path, cpu = tmp_path / "checkpoint.npz", {"model": "A", "flags": ["avx2"]}
    checkpoint.save(path, one(), {**IDENTITY, "cpu": cpu})
    assert checkpoint.load(path, {**IDENTITY, "cpu": {**cpu, "model": "B"}}) is not None
    with pytest.raises(CheckpointError, match=r"cpu\.flags was"):
        checkpoint.load(path, {**IDENTITY, "cpu": {"model": "A", "flags": ["avx512f"]}})


def test_the_order_of_what_was_measured_is_kept(tmp_path: Path) -> None:
    """A table is written in it."""
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, one(), IDENTITY)
    found = checkpoint.load(path, IDENTITY)
    assert found is not None
    assert [list(epoch) for epoch in found.validation] == [["val_loss", "val_accuracy"]]


def assert_damaged(path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"checkpoint\.npz is damaged, or was written by another .* delete it to start again"
    ):
        checkpoint.load(path, IDENTITY)


def test_any_wrong_byte_is_damage(tmp_path: Path) -> None:
    """Each byte in turn, with one bit or all of them wrong, and the file cut at every length."""
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, one(), IDENTITY)
    content = path.read_bytes()
    assert len(content) > 4_000
    for at, byte in enumerate(content):
        path.write_bytes(content[:at] + bytes([byte ^ (0xFF if at % 2 else 1 << at % 8)]) + content[at + 1 :])
        assert_damaged(path)
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert_damaged(path)


def test_a_file_of_another_kind_is_damage(tmp_path: Path) -> None:
    """Also a sound archive of NumPy's, as earlier versions wrote, and a longer file."""
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, one(), IDENTITY)
    content = path.read_bytes()
    for other in (b"", b"not an archive", content + b"x", content[:-32]):
        path.write_bytes(other)
        assert_damaged(path)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint.load(tmp_path, IDENTITY)


def test_a_failed_save_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, one(), IDENTITY)
    with pytest.raises(TypeError, match="serializable"):
        checkpoint.save(path, one(), {"experiment": object()})
    assert checkpoint.load(path, IDENTITY) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]
