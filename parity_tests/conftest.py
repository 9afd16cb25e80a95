"""Which twins and devices the checks run on. A missing twin is a failure, a missing GPU a skip with its reason."""

import gc
import os

import jax
import jax.numpy as jnp
import pytest

from logreg_parity.cli.explore import explorer as explorer_page
from logreg_parity.twins import load_twin
from parity_tests.browser import Explorer, browser
from parity_tests.cases import CASES
from parity_tests.forks import forks
from parity_tests.pages import own_process

pytest_plugins = ["pytester"]

os.environ["LOGREG_LANG"] = "en"  # what is said here does not depend on the locale of the machine
os.environ["LOGREG_BLOCKS"] = "usual"  # nor on what its owner has measured

TWINS = ("logreg_torch", "logreg_jax")


def compiles_half() -> bool:
    """Whether XLA can compile float16 here: its converter calls functions that it lacks where there is no F16C."""
    try:
        jax.jit(lambda x: x.astype(jnp.float16))(jnp.ones(1, jnp.float32)).block_until_ready()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def pytest_collection_finish():
    """What is imported and collected by now stays to the end: no collection of garbage looks at it again."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A test that XLA stops over float16 is skipped, with the reason, on a processor for which it compiles none."""
    try:
        return (yield)
    except jax.errors.JaxRuntimeError as error:
        if "Failed to materialize symbols" in str(error) and not compiles_half():
            pytest.skip("XLA compiles no float16 for a processor without F16C: jaxlib lacks __extendhfsf2")
        raise


@pytest.fixture(autouse=True)
def unlimited(monkeypatch):
    """A pipe has no width, whatever a library that another test has called left in the environment."""
    monkeypatch.delenv("COLUMNS", raising=False)


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


@pytest.fixture(scope="session")
def start():
    """How Python is started with a folder, an environment and arguments: as a fork, where the system has them."""
    if not hasattr(os, "fork"):
        yield own_process
        return
    with forks() as made:
        yield made.run


@pytest.fixture(scope="session")
def chromium():
    """One browser for the session."""
    with browser() as started:
        yield started


@pytest.fixture(scope="session")
def explorer_file(tmp_path_factory):
    """The explorer as a user gets it."""
    path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    path.write_text(explorer_page(), encoding="utf-8")
    return path


@pytest.fixture
def explorer(chromium, explorer_file):
    """The page, fresh; a check that makes it complain, or ask the network for anything, fails."""
    opened = Explorer(chromium, explorer_file)
    yield opened
    opened.context.close()
    assert opened.complaints == []
    assert {request.split("#")[0] for request in opened.requests} <= {opened.address}


@pytest.fixture(scope="module")
def javascript(chromium, explorer_file):
    """The page for its functions only: a function of JavaScript to the value it returns."""
    opened = Explorer(chromium, explorer_file)
    yield opened.ask
    opened.context.close()
