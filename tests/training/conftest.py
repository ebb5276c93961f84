"""The real data, where this machine has it."""

from __future__ import annotations

import os

import pytest

from clr_ref.training import data


@pytest.fixture(scope="session")
def fashion_mnist() -> data.FashionMnist:
    try:
        return data.load(download=False)
    except data.DataError as error:
        if os.environ.get("CLR_REF_EXPECT_DATA"):
            raise
        pytest.skip(str(error))
