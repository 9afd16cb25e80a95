"""What every check of two programs runs on."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Small sums in many threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
