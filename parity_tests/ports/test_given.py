"""Ports in flax, nnx and equinox: right ones are one formula, wrong ones are not, mappings are inferred."""

import pytest

from logreg_parity import check
from logreg_parity.ports.alternatives import confusion
from logreg_parity.ports.check import _programs, _sides
from logreg_parity.ports.edits import other_constant, other_way
from logreg_parity.ports.formula import compare
from logreg_parity.ports.localise import localise
from logreg_parity.ports.mapping import build_tree, read_layout
from logreg_parity.ports.programs import with_names

pytest.importorskip("flax", reason="flax is not installed (dependency group dev)")
pytest.importorskip("equinox", reason="equinox is not installed (dependency group dev)")

from parity_tests.ports.given import GIVEN

pytestmark = pytest.mark.slow


def compared(pair, function):
    one, two = with_names(*_programs(pair.torch_model, function, pair.torch_loss, pair.jax_params))
    sides, here, _ = _sides(one, two, pair.batch, pair.params, "cpu")
    return sides, here, compare(sides, here)


@pytest.mark.parametrize("name", GIVEN)
def test_right_and_wrong(name):
    pair = GIVEN[name]()
    _, _, formula = compared(pair, pair.right)
    assert formula.verdict == "the same", formula.why
    sides, here, formula = compared(pair, pair.wrong)
    if name == "bn_momentum":  # its loss and its gradient are those of the right one
        return
    assert formula.verdict == "another" and min(formula.agree.values()) < 30, formula.why
    partings = localise(formula, sides)
    assert any(part is not None for part in partings)
    if partings[0] is not None:
        assert pair.operation in partings[0].operation.title, partings[0].words
    assert pair.cause in (
        other_constant(formula, sides, here) or confusion(formula, partings) or other_way(formula, sides, partings)
    )


@pytest.mark.parametrize("name", ["conv_same", "gelu", "nnx_mlp"])
def test_the_mapping_is_inferred(name):
    pair = GIVEN[name]()
    point = {n: p.detach().numpy() for n, p in pair.torch_model.named_parameters()}
    by_hand = read_layout(pair.params, point)
    tree = build_tree(by_hand) if pair.jax_params is None else pair.jax_params
    one, two = with_names(*_programs(pair.torch_model, pair.right, pair.torch_loss, tree))
    sides, _, _ = _sides(one, two, pair.batch, None, "cpu")
    assert {n: p.leaf for n, p in sides[1].layout.every()} == {n: p.leaf for n, p in by_hand.every()}
    assert all(
        (p.order == q.order).all() for (_, p), (_, q) in zip(sides[1].layout.every(), by_hand.every(), strict=True)
    )


@pytest.mark.parametrize(
    ("name", "words"), [("bn_eval", "`1 (BatchNorm1d)`"), ("bn_momentum", "moves 1.running_mean 9 times as far")]
)
def test_a_right_and_a_wrong_one_whole(name, words):
    pair = GIVEN[name]()
    options = {"torch_loss": pair.torch_loss, "samples": 4, "steps": 1}
    assert check(pair.torch_model, pair.right, pair.batch, pair.params, **options).verdict == "within"
    report = check(pair.torch_model, pair.wrong, pair.batch, pair.params, **options)
    assert report.verdict == "OUTSIDE" and words in report.explanation
