"""The room of lost bits: each cause changes native results, and exact ones only where the measure against it is off."""

import importlib
from pathlib import Path

import jax
import numpy as np
import pytest

from logreg_parity.cli import main
from logreg_parity.museum import lost_bits
from logreg_parity.museum.lost_bits import CAUSES
from logreg_parity.truth import exact

pytestmark = pytest.mark.slow

BY_CAUSE = {cause.__name__: cause for cause in CAUSES}
TWINS = [f"logreg_{name}.speed.{part}" for name in ("torch", "jax") for part in ("exact", "exact_objective")]
FLAGS = Path("/proc/cpuinfo")
NO_FMA = FLAGS.exists() and " fma" not in FLAGS.read_text()


@pytest.fixture
def fresh():
    """What has been compiled is forgotten before and after."""
    jax.clear_caches()
    yield
    jax.clear_caches()


def everywhere(monkeypatch, name, change):
    """Put change(own) in the place of a function wherever it stands: NumPy's, both twins'."""
    for module in (exact, *map(importlib.import_module, TWINS)):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, change(getattr(module, name)))


def hashes(cause):
    """How many there are natively, and in exact arithmetic, by NumPy, PyTorch and jitted JAX."""
    few = [way for way in lost_bits.ways() if "jax, eager" not in way.name]
    found = [(native, mine) for way in few for _, native, mine in BY_CAUSE[cause](way)]
    return tuple(len({exact.digest(part, "float64") for part in parts}) for parts in zip(*found, strict=True))


@pytest.mark.parametrize("cause", BY_CAUSE)
def test_a_cause_changes_native_results_and_not_exact_ones(cause):
    native, mine = hashes(cause)
    assert mine == 1
    assert native > 1 or (cause == "melted" and NO_FMA)


def floats(sums):
    return sums.double() if hasattr(sums, "double") else sums.astype(np.float64)


def in_floats(own):
    return lambda products, top: (products / top[..., None, None]).sum(-1)


def test_without_the_guards_products_are_melted(monkeypatch, fresh):
    everywhere(monkeypatch, "rounded", lambda own: lambda product, x, dtype="float64": product)
    assert hashes("melted")[1] > 1 or NO_FMA


def test_it_is_the_fma_alone_that_the_guards_are_for(monkeypatch, fresh):
    """Where XLA leaves every operation apart JAX has NumPy's bits without the guards too."""
    everywhere(monkeypatch, "rounded", lambda own: lambda product, x, dtype="float64": product)
    numpy_way = lost_bits.ways()[0]
    means = importlib.import_module("logreg_jax.speed.engines").exact("cpu", "jit unfused")
    found = [lost_bits.steps(way, lost_bits.DATASET) for way in (numpy_way, numpy_way._replace(means=means))]
    assert np.array_equal(*found)


def test_a_division_by_n_instead_of_a_share_is_a_reciprocal_somewhere(monkeypatch, fresh):
    everywhere(monkeypatch, "sigmoid", lambda own: lambda t, dtype: own(t, dtype) / 3.0)
    assert hashes("simplified")[1] > 1


def test_rounding_by_a_sum_of_floats_is_simplified(monkeypatch, fresh):
    """(x + 3 2^51) - 3 2^51 rounds x to a whole number, for whoever computes it as written."""
    monkeypatch.setattr(jax.lax, "round", lambda x, method: (x + 3 * 2.0**51) - 3 * 2.0**51)
    assert hashes("simplified")[1] > 1


def test_without_the_least_number_some_processors_flush(monkeypatch, fresh):
    monkeypatch.setitem(exact.LEAST, "float32", 0.0)
    assert hashes("flushed")[1] > 1


def test_sums_of_floats_depend_on_their_order(monkeypatch, fresh):
    everywhere(monkeypatch, "counted", in_floats)
    everywhere(monkeypatch, "joined", lambda own: lambda sums, top: floats(sums).sum(-1) * top)
    assert hashes("simplified")[1] > 1


def test_the_command(monkeypatch, capsys):
    """NumPy alone: no cause is at work but the shards, and a planted fault of one way is seen."""
    numpy_way = lost_bits.ways()[0]
    monkeypatch.setattr(lost_bits, "ways", lambda: [numpy_way])
    assert main(["museum", "--lost-bits"]) == 0
    assert "Of 7 causes 1 change native results here, and none the exact ones." in capsys.readouterr().out
    other = numpy_way._replace(name="other", means=numpy_way.means._replace(walk=off_by_a_digit))
    monkeypatch.setattr(lost_bits, "ways", lambda: [numpy_way, other])
    assert main(["museum", "--lost-bits"]) == 1
    assert main(["museum", "--lost-bits", "--score"]) == 2 and main(["museum", "FactorTwo", "--lost-bits"]) == 2


def off_by_a_digit(*arguments):
    points, velocity = exact.walk(*arguments)
    return np.nextafter(points, 1), velocity
