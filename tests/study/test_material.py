"""What the process that trains makes of a study's model: its data, cut as the study says, or an error that says why not."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from clr_ref.study import training
from clr_ref.study.training import Material, UnfitError
from clr_ref.training import data as fashion
from clr_ref.training.compiled import ModelError
from clr_ref.training.data import Split
from tests import needs

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # those of TensorFlow
    needs.tensorflow("studies need Keras on TensorFlow"),
]
#: Ten samples; the study says nothing of the model before it trains.
CODE = """
import numpy as np
X, Y = np.arange(20.0).reshape(10, 2), np.arange(10)
def make(): return None, (X, Y)
def with_validation(): return None, (X, Y), (X[:4] + 100, Y[:4])
def drawn(): return None, (np.random.normal(size=(10, 2)), Y)
"""


@pytest.fixture
def material(tmp_path: Path) -> Iterator[Material]:
    (tmp_path / "ten.py").write_text(CODE, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))  # and removed again, although the folder is put there too
        training._loaded.cache_clear()
        yield Material(str(tmp_path), (), None, 0.2, None, 4)
    training._loaded.cache_clear()
    sys.modules.pop("ten", None)


def rows(material: Material, name: str = "make", **changes: Any) -> tuple[list[int], list[float]]:
    """The labels that are trained on, and the first feature of those that are not."""
    subject = training._subject(dataclasses.replace(material, **changes), f"ten.py:{name}")
    return np.asarray(subject.train.y).tolist(), np.asarray(subject.test.x)[:, 0].tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize(("share", "held_out"), [(0.1, 1), (0.2, 2), (0.34, 3), (0.9, 9)])
def test_the_last_samples_are_held_out(material: Material, share: float, held_out: int) -> None:
    trained, tested = rows(material, validation=share)
    assert trained == list(range(10 - held_out))
    assert tested == [2.0 * row for row in range(10 - held_out, 10)]


@pytest.mark.parametrize("share", [0.04, 0.96])
def test_samples_are_left_on_both_sides(material: Material, share: float) -> None:
    with pytest.raises(UnfitError, match=rf"^validation must leave samples on both sides, got {share} of 10$"):
        rows(material, validation=share)


def test_samples_of_ones_own_are_validated_with(material: Material) -> None:
    assert rows(material, "with_validation") == (list(range(10)), [100.0, 102.0, 104.0, 106.0])


def test_data_that_are_drawn_are_those_of_seed_0(material: Material) -> None:
    expected = np.random.RandomState(0).normal(size=(10, 2))[8:, 0]
    assert rows(material, "drawn")[1] == expected.tolist()


def test_a_subset_is_the_first_of_the_samples_that_are_trained_on(material: Material) -> None:
    assert rows(material, subset=3) == ([0, 1, 2], [16.0, 18.0])
    assert rows(material, subset=8) == (list(range(8)), [16.0, 18.0])
    assert rows(material, "with_validation", subset=10)[0] == list(range(10))
    with pytest.raises(UnfitError, match=r"^subset must be a whole number 1 \.\. 8, got 9$"):
        rows(material, subset=9)


def test_a_file_that_changes_is_read_again(material: Material) -> None:
    assert len(rows(material)[0]) == 8
    path = Path(material.folder, "ten.py")
    # Longer: Python takes what it compiled for a file of the same size in the same second.
    path.write_text(CODE.replace("10", "20").replace("20.0", "40.0") + "# changed", "utf-8")
    assert len(rows(material)[0]) == 16
    path.unlink()
    with pytest.raises(UnfitError, match=r"ten\.py cannot be read: No such file or directory"):
        rows(material)


def test_models_of_modules_and_names_that_do_not_exist(material: Material) -> None:
    while material.folder in sys.path:  # that a worker starts elsewhere
        sys.path.remove(material.folder)
    for _ in range(2):
        assert np.asarray(training._subject(material, "ten:make").train.y).tolist() == list(range(8))  # type: ignore[union-attr]
        training._loaded.cache_clear()
    assert sys.path.count(material.folder) == 1
    for name in ("ten:nothing", "no_such_module:make"):
        with pytest.raises(UnfitError, match=name.partition(":")[0]):
            training._subject(material, name)


def test_pictures_are_cut_with_a_sixth_of_them_to_test(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = (Split(np.zeros((n, 28, 28), np.uint8), np.arange(n, dtype=np.uint8)) for n in (60, 5))
    monkeypatch.setattr(fashion, "load", lambda: SimpleNamespace(train=train, test=test))
    for subset, trained, tested in ((None, 60, 5), (60, 60, 5), (29, 29, 4), (12, 12, 2), (3, 3, 1), (1, 1, 1)):
        subject = training._subject(dataclasses.replace(material, subset=subset), "tutorial")
        assert (len(subject.train), len(subject.test), subject.build) == (trained, tested, None)
        assert np.asarray(subject.train.labels).tolist() == list(range(trained))  # type: ignore[union-attr]
    with pytest.raises(UnfitError, match=r"^subset must be a whole number 1 \.\. 60, got 61$"):
        training._subject(dataclasses.replace(material, subset=61), "tutorial")
    training._loaded.cache_clear()

    def missing() -> None:
        raise fashion.DataError("no pictures")

    monkeypatch.setattr(fashion, "load", missing)
    with pytest.raises(UnfitError, match=r"^no pictures$"):
        training._subject(material, "tutorial")


def test_checkpoints_go_where_they_can(tmp_path: Path) -> None:
    """In a folder that is kept until the end, or, where this machine does not have its parent, in one that is removed."""
    wanted = tmp_path / "cell"
    with training._checkpoints(str(wanted)) as place:
        assert place == wanted
        (place / "file").touch()
    assert not wanted.exists()
    wanted.mkdir()
    with pytest.raises(KeyError), training._checkpoints(str(wanted)):
        raise KeyError
    assert wanted.exists(), "what failed can be resumed"
    for folder in (None, str(tmp_path / "no" / "cell")):
        with training._checkpoints(folder) as place:
            assert place.is_dir()
            assert tmp_path not in place.parents
        assert not place.exists()


def test_what_a_users_code_raises_is_said_with_its_name() -> None:
    refused = UnfitError("a reason")
    with pytest.raises(UnfitError) as found, training._explained("small.py:make"):
        raise refused
    assert found.value is refused
    with pytest.raises(UnfitError, match=r"^not compiled$"), training._explained("small.py:make"):
        raise ModelError("not compiled")
    with pytest.raises(UnfitError, match=r"^small\.py:make raised ValueError: wrong"), training._explained("small.py:make"):
        raise ValueError("wrong")
