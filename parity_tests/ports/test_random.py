"""Right pairs drawn at random raise no alarm; ``python -m parity_tests.ports.random_pairs 200`` takes many."""

import pytest

from parity_tests.ports.random_pairs import judged, pair


def test_pairs_are_of_1_to_20_layers():
    depths = {len(pair(seed)[0]) for seed in range(60)}
    assert min(depths) == 1 and max(depths) == 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_random_right_pair_is_one_formula(seed):
    _, report = judged(seed)
    assert (report.verdict, report.formula) == ("within", "the same")
