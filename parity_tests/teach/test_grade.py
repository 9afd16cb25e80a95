"""The grader: every right way of writing is right, every usual mistake is named, in NumPy, PyTorch and JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from logreg_parity import grade
from logreg_parity.teach.answer import share
from logreg_parity.teach.examine import NAMES
from logreg_parity.teach.exercises import EXERCISES
from parity_tests.homework import HOMEWORK
from parity_tests.learners import MISTAKES, RIGHT, UNNAMED, rows, softplus
from parity_tests.pages import ROOT
from parity_tests.teach.test_grade_frameworks import RIGHT as UNUSUAL
from parity_tests.teach.test_grade_frameworks import WRONG

pytestmark = pytest.mark.slow

LIBRARIES = {"NumPy": np, "PyTorch": torch, "JAX": jnp}


@pytest.fixture(params=LIBRARIES)
def library(request):
    return request.param


# -- right, however it is written ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RIGHT)
def test_right_is_right(library, name, capsys):
    given = grade(name.split(",")[0], RIGHT[name](LIBRARIES[library]))
    assert given, given.words
    assert given.words.startswith("right") and capsys.readouterr().out == f"{given.exercise}: {given.words}\n"


def test_every_exercise_is_answered_here():
    assert {name.split(",")[0] for name in RIGHT} == set(NAMES)


def differentiated_in_torch(params, model, x, y):
    params = {name: part.clone().requires_grad_() for name, part in params.items()}
    loss = torch.nn.functional.binary_cross_entropy(model(params, x), y, reduction="sum")
    loss.backward()
    return {name: part.grad for name, part in params.items()}


def loss_in_jax(params, model, x, y):
    return -rows(jnp, y, model(params, x)).sum()


FRAMEWORKS_OWN = {
    "torch.sigmoid": ("logistic", torch.sigmoid, "PyTorch"),
    "a method of tensors": ("logistic", lambda x: x.neg().exp().add(1).reciprocal(), "PyTorch"),
    "jax.nn.sigmoid": ("logistic", jax.nn.sigmoid, "JAX"),
    "jitted": ("logistic", jax.jit(lambda x: 1 / (1 + jnp.exp(-x))), "JAX"),
    "module": ("logistic", torch.nn.Sigmoid(), "PyTorch"),
    "backward": ("dlogistic_loss", differentiated_in_torch, "PyTorch"),
    "jax.grad": ("dlogistic_loss", jax.grad(loss_in_jax), "JAX"),
    "where": ("stable_loss", lambda z, y: torch.nn.functional.softplus((1 - 2 * y) * z, threshold=800), "PyTorch"),
    "no framework": ("midpoint", lambda w, b: -b / w, "NumPy"),
}


@pytest.mark.parametrize("name", FRAMEWORKS_OWN)
def test_the_framework_is_found(name):
    exercise, function, spoken = FRAMEWORKS_OWN[name]
    given = grade(exercise, function)
    if name == "where":  # soft labels need both terms
        assert not given and "stable_loss" in repr(given)
    else:
        assert given and f"in {spoken}" in given.words, given.words


# -- the usual mistakes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=lambda n: f"{MISTAKES[n][0]}-{n}")
def test_the_usual_mistake_is_named(number):
    """In one of the three libraries, by turns: it is the same grader."""
    exercise, wrong, words = MISTAKES[number]
    given = grade(exercise, wrong([*LIBRARIES.values()][number % 3]))
    assert not given and words in f"{exercise}: {given.words}", given.words


@pytest.mark.parametrize("name", HOMEWORK)
def test_homework_is_marked(name):
    exercise, wrong, words = HOMEWORK[name]
    given = grade(exercise, wrong)
    assert not given and (words or "") in given.words, given.words


def test_the_score_is_stated():
    """Every one of them is refused by a test of its own; named is who gets a cause and not only a wrong number."""
    wrong = len(MISTAKES) + len(WRONG) + len(HOMEWORK)
    bare = sum(words in UNNAMED for *_, words in MISTAKES) + sum(words is None for *_, words in HOMEWORK.values())
    score = {"wrong": wrong, "named": wrong - bare, "right": len(UNUSUAL)}
    assert wrong >= 100 and bare <= wrong // 10 and len(UNUSUAL) >= 40
    english = (
        "{wrong} wrong answers, all of them refused and {named} with their cause; {right} right answers by unusual"
    )
    chinese = "{wrong} 个错误答案，全部被拒绝，其中 {named} 个说出了原因；{right} 个走不寻常路的正确答案"
    for page, text in (("README.md", english), ("README.zh-CN.md", chinese)):
        assert text.format(**score) in " ".join((ROOT / "lessons" / page).read_text(encoding="utf-8").split()), score


@pytest.mark.parametrize("name", EXERCISES)
def test_every_mistake_has_answers_of_its_own(name):
    """Apart from what is right and from every other mistake, or the grader would name the wrong one."""
    exercise = EXERCISES[name]
    answers = [(m.words.template, [m.answer(**q) for q in exercise.questions]) for m in exercise.mistakes]
    answers.append(("right", [exercise.truth(**question) for question in exercise.questions]))
    for scale in exercise.scales:
        made = [exercise.truth(**q).times(scale.factor(q)) for q in exercise.questions]
        answers.append((scale.words.template, made))
    for words, one in answers:
        alike = [w for w, other in answers if all(share(a.parts, b) <= 1 for a, b in zip(one, other, strict=True))]
        assert set(alike) == {words}


IN_PLACE = {
    "NumPy": lambda x: np.divide(1, 1 + np.exp(np.negative(x, out=x)), out=x),
    "PyTorch": lambda x: x.neg_().exp_().add_(1).reciprocal_(),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_an_argument_changed_in_place_is_seen(name):
    assert "it changes x in place" in grade("logistic", IN_PLACE[name]).words


UNDIFFERENTIABLE = {
    "detached": ("logistic", lambda x: torch.sigmoid(x.detach()), "its derivative by x is 0"),
    "data": ("stable_loss", lambda z, y: (softplus(torch, z) - y * z).data, "its derivative by z is 0"),
    "stopped": ("logistic", lambda x: jax.nn.sigmoid(jax.lax.stop_gradient(x)), "its derivative by x is 0"),
    "item": (
        "logistic_loss",
        lambda params, model, x, y: -rows(torch, y, model(params, x)).sum().item(),
        "cannot be differentiated by params",
    ),
    "numpy": ("logistic", lambda x: jnp.asarray(1 / (1 + np.exp(-np.asarray(x)))), "cannot be differentiated by x"),
}


@pytest.mark.parametrize("name", UNDIFFERENTIABLE)
def test_what_cannot_be_differentiated_is_seen(name):
    exercise, function, words = UNDIFFERENTIABLE[name]
    assert words in grade(exercise, function).words


def stub(x):
    """σ(x)."""
    ...  # noqa: PIE790, what the lessons leave for the learner


@pytest.mark.parametrize("function", [..., stub, lambda x: None, lambda x: ...], ids=["dots", "def", "None", "lambda"])
def test_a_stub_is_not_written_yet(function):
    given = grade("logistic", function)
    assert not given and "not written yet" in given.words


def test_a_function_called_by_mistake_is_seen():
    assert "give the function itself" in grade("logistic", 0.5).words


def test_lost_precision_is_seen():
    assert "float32 numbers come back" in grade("logistic", lambda x: torch.sigmoid(x.float())).words


def test_a_textbooks_loss_earns_a_remark():
    given = grade("logistic_loss", lambda params, model, x, y: -rows(np, y, model(params, x)).sum())
    assert given and "Remark: far from 0 it breaks: log of zero" in given.words
    clamped = grade(
        "logistic_loss", lambda *a: torch.nn.functional.binary_cross_entropy(a[1](a[0], a[2]), a[3], reduction="sum")
    )
    assert clamped and "a guard" in clamped.words


def test_a_notebook_shows_the_words_once():
    assert grade("midpoint", ...)._ipython_display_() is None


@pytest.mark.parametrize(
    ("name", "function", "words"),
    [
        ("logistics", stub, "there is no exercise 'logistics'; give one of midpoint,"),
        ("logistic", lambda x: jnp.asarray(torch.sigmoid(x)), "uses both PyTorch and JAX"),
    ],
    ids=["no such exercise", "two frameworks"],
)
def test_what_cannot_be_graded_is_refused(name, function, words):
    with pytest.raises(ValueError, match=words):
        grade(name, function)
