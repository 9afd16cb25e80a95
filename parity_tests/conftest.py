"""Which twins and devices the checks run on. A missing twin is a failure, a missing GPU a skip with its reason."""

import pytest

from logreg_parity.judge.twin import load_twin
from parity_tests.cases import CASES

pytest_plugins = ["pytester"]

TWINS = ("logreg_torch", "logreg_jax")


@pytest.fixture(scope="session")
def twins():
    """Both twins, by name."""
    return {name: load_twin(name) for name in TWINS}


@pytest.fixture(params=TWINS)
def twin(request, twins):
    """One twin, then the other."""
    return twins[request.param]


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request, twins):
    """The CPU, then CUDA where both frameworks see it."""
    if request.param == "cuda":
        blind = [name for name, twin in twins.items() if "cuda" not in twin.devices()]
        if blind:
            pytest.skip(f"no CUDA device is visible to {' and '.join(blind)}")
    return request.param


@pytest.fixture(params=CASES, ids=CASES)
def case(request):
    """Every problem of cases.py."""
    return CASES[request.param]
