"""Fixtures that every test shares."""
import pytest
import torch
from built_wheel import wheel  # noqa: F401, for the whole session


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)
