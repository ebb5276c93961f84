"""The drop-ins' bits on a GPU: ``CUDA_VISIBLE_DEVICES=0 pytest tests/keras/test_gpu.py`` where TensorFlow sees one.

No run on a GPU is recorded yet. docs/MIGRATING.md says so; whoever runs this writes the device's name there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clr_ref
from tests.keras.execution import modes, of_drop_in, tensor, twin
from tests.keras.test_arithmetic import NORMAL, schedules, steps
from tests.rates import assert_same_rates


@pytest.fixture
def gpu(drop_ins: Any) -> str:
    """The name of the first GPU of TensorFlow."""
    from clr_ref.keras import api

    if api.BACKEND != "tensorflow":
        pytest.skip(f"a GPU is tested with TensorFlow, and the backend is {api.BACKEND}")
    found = api.tensorflow().config.list_logical_devices("GPU")
    if not found:
        pytest.skip("TensorFlow sees no GPU; tox hides every GPU with CUDA_VISIBLE_DEVICES")
    return str(found[0].name)


def test_the_rates_are_those_of_the_reference(drop_ins: Any, gpu: str) -> None:
    from clr_ref.keras import api

    for schedule in schedules():
        drop_in, some = twin(drop_ins, schedule), steps(63)
        some = some[np.abs(schedule(some)) >= NORMAL]  # TensorFlow and XLA flush what is smaller
        for mode, compiled in modes(drop_ins).items():
            with api.tensorflow().device(gpu):
                rates = compiled(drop_in)(tensor(drop_ins, some))
            assert_same_rates(schedule, some, np.asarray(rates), schedule(some), arithmetic=f"{of_drop_in(mode)} on {gpu}")


@pytest.mark.parametrize("compiled", [{"run_eagerly": True}, {}, {"jit_compile": True}])
def test_the_applied_rates_are_those_of_the_reference(drop_ins: Any, gpu: str, compiled: dict[str, Any]) -> None:
    from clr_ref.keras import api
    from clr_ref.training import probe

    schedule = clr_ref.triangular2(1e-4, 1e-2, 33.3)
    optimizer = api.keras.optimizers.SGD(twin(drop_ins, schedule))
    with api.tensorflow().device(gpu):
        applied = probe.fit(optimizer, 300, **compiled)
    assert_same_rates(schedule, np.arange(300), applied, schedule.values(0, 300), arithmetic=f"the probe on {gpu}")
