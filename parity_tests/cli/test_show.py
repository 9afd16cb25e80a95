"""Every report says on what its numbers depend, and JSON holds what JSON can say."""

import json

import numpy as np
import pytest

from logreg_parity import show

MACHINE = {"platform", "processor", "instruction sets", "cores", "device", "libraries", "switches", "python", "date"}


def test_what_json_cannot_say_is_null():
    kept = {"σ": np.float32(0.5), "rows": (1, True, None, "text"), "matrix": np.eye(2)}
    lost = {"bound": np.inf, "errors": np.array([np.nan, -np.inf, 2.0])}
    written = show.as_json({"kept": kept, "lost": lost})
    content = json.loads(written)
    assert content.pop("machine").keys() >= MACHINE
    assert content == {
        "kept": {"σ": 0.5, "rows": [1, True, None, "text"], "matrix": [[1, 0], [0, 1]]},
        "lost": {"bound": None, "errors": [None, None, 2.0]},
    }
    assert "σ" in written


def test_a_switch_that_changes_digits_is_told(monkeypatch):
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    assert show.machine()["switches"]["ATEN_CPU_CAPABILITY"] == "avx2"


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0.00"), (9.994, "9.99"), (10.4, "10"), (99999.0, "99999"), (1e5, "1.0e+05")],
)
def test_numbers_have_three_digits(value, words):
    assert show.number(value) == words


@pytest.mark.parametrize(
    ("part", "words"), [(0.0, "0 %"), (1e-9, "<1 %"), (0.01, "1 %"), (9.0, "900 %"), (12.0, "12 ×")]
)
def test_shares_of_a_bound(part, words):
    assert show.share(part) == words


def test_the_worst_verdict_is_the_last_of_the_styles():
    assert show.worst(["within", "OUTSIDE", "no promise"]) == "OUTSIDE"
    assert show.worst(["within", "no promise"]) == "no promise"
