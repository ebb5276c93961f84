"""What differs between two JSON values."""

from __future__ import annotations

from clr_ref.training.changes import Change, changes


def test_each_value_that_differs_has_its_path() -> None:
    one = {"seed": 0, "versions": {"tensorflow": "2.15.1", "numpy": "1"}, "old": 1, "cpu": {"flags": ["a", "b"]}}
    other = {"seed": 1, "versions": {"tensorflow": "2.8.4", "numpy": "1"}, "new": None, "cpu": {"flags": ["b", "c"]}}
    found = changes(one, other)
    assert found == [
        Change("seed", 0, 1),
        Change("versions.tensorflow", "2.15.1", "2.8.4"),
        Change("old", 1, None),
        Change("cpu.flags", ["a"], ["c"]),
    ]
    assert str(found[1]) == "versions.tensorflow was '2.15.1', now '2.8.4'"
    assert changes(one, one) == []
    assert changes({"ends": [1, 2]}, {"ends": [2, 1]}) == [Change("ends", [1, 2], [2, 1])]
    assert changes([1, 1], [1], "ends") == [Change("ends", [1, 1], [1])]
    layers = [{"rate": 1, "name": "a"}, {"rate": 2}], [{"rate": 1, "name": "a"}, {"rate": 3}]
    assert changes(*layers, "layers") == [Change("layers[1].rate", 2, 3)]
    assert changes([{"a": 1}], [{"a": 1}, {"b": 1}], "layers") == [Change("layers", [], [{"b": 1}])]
    assert changes({"cpu": {}}, {"cpu": [1]}) == [Change("cpu", {}, [1])]
    assert changes({"cpu": [1]}, {"cpu": {}}) == [Change("cpu", [1], {})]
