"""The microscope: the right step, the right stage, the right run and the right cause; and never a correct program."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from logreg_parity import Dataset, Parameters, gaussian, lesson
from logreg_parity.cli import main
from logreg_parity.data.history import Recorder
from logreg_parity.explain import trace as tracing
from logreg_parity.explain.parting import explain
from logreg_parity.explain.report import verdict
from logreg_parity.explain.suspect import digits
from logreg_parity.explain.trace import record
from logreg_parity.judge import problem
from logreg_parity.judge.compare import compare
from logreg_parity.museum.by_hand import ByHand
from logreg_parity.museum.exhibit import BATCHED, MEAN, SUM
from logreg_parity.museum.habits import PARTIAL
from logreg_parity.museum.loops import LOOPS, Directed, HeavyBall
from logreg_parity.truth import reference
from logreg_parity.truth.bounds import PointBounds
from logreg_parity.truth.ulp import round_to
from logreg_parity.twins import OnEngine, Setting
from parity_tests.cases import CASES
from parity_tests.museum.test_faults import FAULTS, PROBLEM

NAMES = ("right", "wrong")

# fault, setting, the stage where it shows first, and words of its cause
EXPECTED = [
    ("OneRowForgotten", SUM, "loss", "row 39 left out"),
    ("OneRowForgotten", MEAN, "loss", "row 39 left out"),
    ("OneLessThanN", MEAN, "loss", "divided by N - 1"),
    ("OneLabelFlipped", SUM, "row losses", "opposite label in row 20: flipped"),
    ("GradientScaled", SUM, "gradient", "1.0001 times what it should be: a constant factor"),
    ("SilentlyFloat32", SUM, "logits", "a float32 number"),
    ("BFloat16Logits", SUM, "logits", "a bfloat16 number"),
    ("TransposedWeights", SUM, "logits", "reshaped to (D, N) and transposed"),
    ("BiasBeforeWeight", SUM, "update", "the bias is updated first"),
    ("FactorTwo", SUM, "gradient", "twice what it should be"),
    ("LossOneStepLate", SUM, "recorded loss", "that before the update"),
    ("LossOneStepLate", BATCHED, "recorded loss", "that after the update"),
    ("MeanForSum", SUM, "loss", "a mean where a sum is meant"),
    ("PenalisedIntercept", SUM, "gradient", "the intercept is penalised"),
    ("ClampedLog", SUM, "row losses", "log(p + 1e-12)"),
    ("CancellingLogits", SUM, "row losses", "z and softplus(-z) are added where they cancel"),
    ("RoundedToFourDecimals", SUM, "update", "at most 4 decimals"),
    ("GradientOverFeatures", MEAN, "gradient", "13.3333 times what it should be: a constant factor"),
    ("ClampedLoss", SUM, "row losses", "Large losses stop near -log 1e-07"),
    ("TF32Products", SUM, "logits", "TF32 products (10 stored bits)"),
    ("ColumnAgainstRow", MEAN, "loss", "every logit meets every label"),
    ("TextbookLoss", SUM, "row losses", "digits of the loss, by no more than the rounding of 1 - p"),
    ("LossInBits", SUM, "row losses", "1.4427 times what it should be, 1 / log 2: bits where nats are meant"),
    ("LikelihoodForLoss", SUM, "row losses", "-1 times what it should be: a likelihood where a loss is meant"),
    ("LinearAboveFifteen", SUM, "row losses", "From 17.14 or earlier on the loss is the logit itself"),
    ("SignedLabels", SUM, "row losses", "labels -1 and 1 in the loss that is meant for 0 and 1"),
    ("SignedLoss", SUM, "row losses", "every row of label 0 is log 2"),
    ("MeanOfBatchMeans", MEAN, "loss", "means of batches of 16 rows, though the last has 8"),
    ("PenaltyWithoutHalf", SUM, "loss", "with twice the penalty"),
    ("PenaltyHalved", SUM, "gradient", "with half the penalty"),
    ("PenaltyInTheMean", MEAN, "loss", "with the penalty divided by N"),
    (
        "RateOverRows",
        MEAN,
        "update",
        "0.025 times what it should be, with N = 40 that is 1/N: the step size is divided",
    ),
    ("BiasLeftOut", SUM, "update", "The bias did not move, the weight did"),
    ("LastBatchDropped", PARTIAL, "update", "with 8 rows where others have 16, a smaller batch that is dropped"),
    ("ForgottenZeroGrad", SUM, "update", "the sum of all gradients so far"),
    ("StaleGradient", SUM, "update", "the gradient of the step before"),
    ("UnequalShares", MEAN, "gradient", "means of 3 shares of 13 to 14 rows"),
    ("MomentumLeftOn", SUM, "update", "0.9 times the gradient before it: a momentum of 0.9"),
]
EXPECTED += [(e.name, e.setting, e.stage, e.cause) for e in LOOPS]
PAST_THE_EDGE = Setting(steps=120, learning_rate=0.5, reduction="sum")  # of stability, on soft labels
LATER = {"LastBatchDropped": 3, "ForgottenZeroGrad": 2, "StaleGradient": 2, "MomentumLeftOn": 2}
LATER |= {"RateHalved": 11, "StepSkipped": 4, "MeanByFullBatch": 3, "WeightsInBFloat16": 2, "BiasInBFloat16": 2}
LATER |= dict.fromkeys(("BatchesSwapped", "BatchRepeated", "Dampened", "OtherMomentum", "RateFalling"), 2)
LATER |= dict.fromkeys(("RateByTime", "RateByRoot", "RateOnACosine", "RateToZero"), 2)
"""The steps where a fault first shows, where that is not the first."""


def traced(twin, setting, dtype="float64", problem=PROBLEM, **options):
    return record(type(twin).__name__, twin, *problem, setting, dtype=dtype, **options)


@pytest.fixture(scope="module")
def right():
    """Traces of the correct program, each made once."""
    made = {}

    def of(setting, dtype="float64"):
        if (setting, dtype) not in made:
            made[setting, dtype] = traced(HeavyBall() if setting.momentum else ByHand(), setting, dtype)
        return made[setting, dtype]

    return of


def test_every_fault_is_expected():
    assert {name for name, *_ in EXPECTED} == set(FAULTS)


@pytest.mark.parametrize(("name", "setting", "stage", "words"), EXPECTED, ids=lambda value: str(value)[:30])
def test_every_fault_is_named(right, name, setting, stage, words):
    why = explain(right(setting), traced(FAULTS[name], setting), NAMES)
    assert (why.verdict, why.step, why.stage, why.culprits) == ("part", LATER.get(name, 1), stage, ("wrong",))
    assert words in why.cause


@pytest.mark.parametrize("name", ["BFloat16Logits", "FactorTwo", "BiasBeforeWeight"])
def test_the_order_of_the_files_does_not_matter(right, name):
    wrong = traced(FAULTS[name], SUM)
    one, other = explain(right(SUM), wrong, NAMES), explain(wrong, right(SUM), NAMES[::-1])
    assert (one.stage, one.culprits, one.cause) == (other.stage, other.culprits, other.cause)


def test_what_follows_from_a_wrong_stage_is_inherited(right):
    """bfloat16 logits: losses and gradient are off, and right for those logits."""
    why = explain(right(SUM), traced(FAULTS["BFloat16Logits"], SUM), NAMES)
    outside = {row.difference.stage: row.created_by for row in why.rows if row.difference.outside}
    assert outside.pop("logits") == outside.pop("recorded loss") == ("wrong",)  # the latter takes logits of its own
    assert {"row losses", "gradient"} <= set(outside)
    assert not any(outside.values())


class PermutedRows(ByHand):
    def logits(self, theta, X):
        z = super().logits(theta, X).copy()
        z[[3, 9]] = z[[9, 3]]
        return z


class Elsewhere(ByHand):
    """A run that says one format and computes in another."""

    def __init__(self, dtype):
        self.actual = dtype

    def convert(self, X, y, theta, dtype):
        return super().convert(X, y, theta, self.actual)


class NoPenalty(ByHand):
    def gradient(self, theta, X, y, l2, reduction):
        return super().gradient(theta, X, y, 0.0, reduction)


class StandsStill(ByHand):
    def step(self, theta, *arguments):
        return theta


class RoundedInputs(ByHand):
    """Products of bfloat16 numbers, summed in full: what a tensor core does."""

    def logits(self, theta, X):
        return round_to(X, "bfloat16") @ round_to(theta.weight, "bfloat16") + theta.bias


class OverflowingLoss(ByHand):
    def losses(self, z, y):
        return reference.textbook_loss(100 * z, y)


class WrongDerivative(ByHand):
    """No gradient where |z| > 6, as a clamp on the logit leaves it."""

    def gradient(self, theta, X, y, l2, reduction):
        kept = np.abs(self.logits(theta, X)) < 6
        return super().gradient(theta, X[kept], y[kept], l2, reduction)


class Odd(ByHand):
    def losses(self, z, y):
        return super().losses(z, y) + 1e-3 * np.sin(z)


class OtherLogits(ByHand):
    """Logits of other inputs, as a function of the weights, the bias and the features."""

    def __init__(self, logits):
        self.logits = lambda theta, X: logits(*theta, X)


class OtherLosses(ByHand):
    """Losses of the logits and the labels by another function."""

    def __init__(self, losses):
        self.losses = losses


class OtherStep(ByHand):
    """A point where the right step leads, changed by a function of both points."""

    def __init__(self, changed):
        self.changed = changed

    def step(self, theta, *batch):
        here, there = (np.append(*point) for point in (theta, super().step(theta, *batch)))
        point = self.changed(here, there)
        return Parameters(point[:-1], point[-1])


class StartAtZero(ByHand):
    def train(self, dataset, start, **options):
        return super().train(dataset, Parameters(0 * start.weight, 0.0), **options)


class TwoStepsInOne(ByHand):
    def step(self, theta, *batch):
        return super().step(super().step(theta, *batch), *batch)


class RowsCutOff(ByHand):
    def __init__(self, rows):
        self.rows = rows

    def value(self, theta, X, y, *rest):
        return super().value(theta, X[self.rows], y[self.rows], *rest)


class RMSprop(Directed):
    """The first step of torch.optim.RMSprop, at every step."""

    def along(self, slope):
        return slope / (0.1 * np.abs(slope) + 1e-8)


def squared(z, y):
    return (reference.sigmoid(z) - y) ** 2


@pytest.mark.parametrize(
    ("twin", "stage", "words"),
    [
        (PermutedRows(), "logits", "rows 3, 9: the first is that of row 9"),
        (NoPenalty(), "gradient", "l2 is left out"),
        (StandsStill(), "update", "No parameter moved: the step was not taken"),
        (RoundedInputs(), "logits", "bfloat16 products (7 stored bits)"),
        (OverflowingLoss(), "row losses", "not finite in rows"),
        (WrongDerivative(), "gradient", "The loss is right and its gradient is not"),
        (Odd(), "row losses", "not one this tool knows"),
        (OtherLogits(lambda w, b, X: (X - X.mean(axis=0)) @ w + b), "logits", "less their mean: standardised"),
        (OtherLogits(lambda w, b, X: (X - X.mean(axis=0)) / X.std(axis=0) @ w + b), "logits", "over their deviation"),
        (OtherLogits(lambda w, b, X: X @ w + 2 * b), "logits", "2 times the bias"),
        (OtherLogits(lambda w, b, X: X @ w - b), "logits", "-1 times the bias"),
        (OtherLogits(lambda w, b, X: np.clip(X @ w + b, -10, 10)), "logits", "kept within 10: clipped"),
        (OtherLosses(lambda z, y: (1 + y) * reference.stable_loss(z, y)), "row losses", "of class 1 are 2 times"),
        (OtherLosses(lambda z, y: reference.stable_loss(z, 0.9 * y + 0.05)), "row losses", "labels 0.05 and 0.95"),
        (OtherLosses(squared), "row losses", "are the squares of p - y"),
        (OtherLosses(lambda z, y: squared(z, y) / 2), "row losses", "are half the squares of p - y"),
        (RowsCutOff(slice(2, None)), "loss", "without the first 2 rows"),
        (RowsCutOff(slice(-3)), "loss", "without the last 3 rows"),
        (
            OtherStep(lambda here, there: np.where([0, 1, 0, 0], here, there)),
            "update",
            "of x2 did not move, the others",
        ),
        (OtherStep(lambda here, there: np.maximum(there, 0)), "update", "kept at 0 or above"),
        (TwoStepsInOne(), "update", "it is taken twice"),
        (RMSprop(), "update", "ten times the step size: as RMSprop's first step goes"),
        (StartAtZero(), "start", "The start is 0 in every coordinate"),
    ],
    ids=lambda value: "" if isinstance(value, ByHand) else value,
)
def test_more_faults_and_one_it_does_not_know(right, twin, stage, words):
    why = explain(right(SUM), traced(twin, SUM), NAMES)
    assert (why.stage, why.culprits) == (stage, ("wrong",))
    assert words in why.cause


def test_tensor_cores_are_seen_in_float32(right):
    why = explain(right(SUM, "float32"), traced(FAULTS["TF32Products"], SUM, "float32"), NAMES)
    assert (why.stage, why.culprits) == ("logits", ("wrong",))
    assert "TF32 products (10 stored bits)" in why.cause


@pytest.mark.parametrize("step", [2, 3, 17, 30])
def test_the_step_is_the_one_where_the_error_is_made(right, step):
    """One gradient is off; all steps before and after it are right."""
    gradients = right(SUM).gradients.copy()
    gradients[step - 1] *= 2
    why = explain(right(SUM), replace(right(SUM), gradients=gradients), NAMES)
    assert (why.step, why.stage, why.culprits) == (step, "gradient", ("wrong",))
    assert "twice" in why.cause
    assert (f"--detail {step}" in why.cause) == (step == 17)  # the others are stored row by row


def test_a_run_that_goes_astray_late_is_not_blamed_early(right):
    """From step 20 on every gradient is that of float32; the drift up to there is no one's fault."""
    good, late = right(SUM), traced(ByHand(), SUM, "float32")
    mixed = {name: getattr(good, name).copy() for name in ("points", "gradients", "before", "losses")}
    for name, array in mixed.items():
        array[20:] = getattr(late, name)[20:]
    why = explain(good, replace(good, **mixed), NAMES)
    assert (why.step, why.stage, why.culprits) == (20, "update", ("wrong",))
    assert "float32" in why.cause


def test_two_wrong_runs_are_both_named(right):
    why = explain(traced(FAULTS["FactorTwo"], SUM), traced(FAULTS["GradientScaled"], SUM), NAMES)
    assert (why.stage, why.culprits) == ("gradient", NAMES)
    assert "twice" in why.cause and "1.0001" in why.cause


def test_a_start_that_was_read_in_another_format_is_seen():
    problem = PROBLEM._replace(start=Parameters(PROBLEM.start.weight + 0.1, 0.3))
    pair = traced(ByHand(), SUM, problem=problem), traced(FAULTS["SilentlyFloat32"], SUM, problem=problem)
    why = explain(*pair, NAMES)
    assert (why.step, why.stage, why.culprits) == (1, "start", ("wrong",))
    assert "float32" in why.cause


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("setting", [SUM, MEAN, BATCHED], ids=["sum", "mean", "batches"])
def test_correct_runs_agree(right, twin, setting, dtype):
    """Each twin and the program by hand, in each other's format too."""
    other = traced(twin, setting, dtype)
    verdicts = [explain(right(setting, mine), other).verdict for mine in ("float64", "float32")]
    assert verdicts == ["agree", "agree"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_no_correct_pair_is_blamed_on_any_problem(case, dtype):
    """The fixed order of NumPy's sums against its reverse, on row weights, saturation and degenerate data."""
    setting = Setting(steps=40, learning_rate=2.0**-4, l2=2.0**-6)
    backwards = case._replace(dataset=case.dataset.take(slice(None, None, -1)))
    one, other = (record("r", reference, *problem, setting, dtype=dtype, detail=()) for problem in (case, backwards))
    assert explain(one, replace(other, sha256=one.sha256)).verdict != "part"


def test_past_the_edge_of_stability_nothing_is_promised():
    problem, setting = (lesson(labels="soft"), Parameters(np.array([1.5]), 0.5)), PAST_THE_EDGE
    pair = (traced(ByHand(), setting, problem=problem), record("r", reference, *problem, setting, dtype="float64"))
    why = explain(*pair)
    assert (why.verdict, why.culprits) == ("no promise", ())
    assert "past the edge of stability" in why.cause


def test_without_the_data_nothing_can_be_explained(right):
    alone = replace(right(SUM), dataset=None)
    assert explain(alone, right(SUM)).verdict == "agree"
    with pytest.raises(ValueError, match="neither trace holds its data set"):
        explain(alone, alone)


def typed(tmp_path, *traces):
    """The command line on traces: its exit status and its JSON."""
    paths = [tmp_path / f"{k}.npz" for k in range(len(traces))]
    for trace, path in zip(traces, paths, strict=True):
        trace.save(path)
    status = main(["explain", *map(str, paths), "--json", str(tmp_path / "why.json")])
    written = tmp_path / "why.json"
    return status, json.loads(written.read_text()) if written.exists() else None


def test_the_command_says_where_who_and_why(right, tmp_path, capsys):
    status, why = typed(tmp_path, right(SUM), traced(FAULTS["FactorTwo"], SUM))
    printed = re.sub(r"\s+", "", capsys.readouterr().out)
    assert status == 1
    assert "Therunspartatstep1,inthegradient" in printed and "createdby" in printed and "twice" in printed
    assert (why["step"], why["stage"], why["culprits"]) == (1, "gradient", [str(tmp_path / "1.npz")])
    assert next(row["stage"] for row in why["stages"] if row["outside"]) == "gradient"


def test_the_command_says_how_closely_runs_agree(right, tmp_path, capsys):
    status, why = typed(tmp_path, right(SUM), right(SUM))
    assert (status, why["ulps"], why["stages"]) == (0, 0.0, [])
    assert "the same to the last bit" in " ".join(capsys.readouterr().out.split())


def test_runs_of_two_problems_are_bad_input(right, tmp_path, capsys):
    status, why = typed(tmp_path, right(SUM), right(MEAN))
    assert (status, why) == (2, None)
    assert "reduction (sum and mean)" in capsys.readouterr().err


def test_a_missing_file_is_bad_input(tmp_path, capsys):
    assert main(["explain", str(tmp_path / "a.npz"), str(tmp_path / "b.npz")]) == 2
    assert "a.npz" in capsys.readouterr().err


def test_nothing_promised_has_a_status_of_its_own(tmp_path):
    problem = (CASES["soft"].dataset, CASES["soft"].start)
    one = traced(ByHand(), PAST_THE_EDGE, problem=problem)
    assert typed(tmp_path, one, one)[0] == 3


def test_rows_are_named_by_their_number_in_the_data(right):
    """A label that only the program reads wrongly, in mini-batches."""
    base = gaussian(40, 3, correlation=0.5)
    y = base.y.copy()
    y[7] = 1 - y[7]
    wrong = PROBLEM._replace(dataset=Dataset(PROBLEM.dataset.X, y, "one label flipped"))
    steps = range(1, 6)  # one pass over the data
    pair = (traced(ByHand(), BATCHED, problem=problem, detail=steps) for problem in (PROBLEM, wrong))
    good, bad = pair
    why = explain(good, replace(bad, sha256=good.sha256, dataset=None), NAMES)
    assert (why.stage, why.culprits) == ("row losses", ("wrong",))
    assert "opposite label in row 7: flipped" in why.cause


# -- what both runs get wrong alike -----------------------------------------------------------------------------------


def lost_rows(recorder, batches, n_rows, steps=Recorder.steps):
    """A fault of the shared books: the loop is told to take all rows."""
    return ((step, None) for step, _ in steps(recorder, batches, n_rows))


def repeated_rows(recorder, batches, n_rows, steps=Recorder.steps):
    first = None
    for step, rows in steps(recorder, batches, n_rows):
        first = rows if first is None else first
        yield step, first


def loss_of_the_step_before(recorder, step, loss, parameters, add=Recorder.add):
    add(recorder, step, getattr(recorder, "last", loss), parameters)
    recorder.last = loss


def point_rounded(recorder, step, loss, parameters, add=Recorder.add):
    add(recorder, step, loss, Parameters(np.float32(parameters.weight), parameters.bias))


@pytest.mark.parametrize(
    ("method", "fault", "step", "stage"),
    [
        ("steps", lost_rows, 1, "update"),
        ("steps", repeated_rows, 2, "update"),
        ("add", loss_of_the_step_before, 2, "recorded loss"),
        ("add", point_rounded, 1, "update"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_fault_that_both_runs_share_is_seen(monkeypatch, method, fault, step, stage):
    """It lies in the Recorder, which keeps the books of every twin."""
    monkeypatch.setattr(Recorder, method, fault)
    pair = [record(name, reference, *PROBLEM, BATCHED, dtype="float64") for name in NAMES]
    why = explain(*pair, NAMES)
    assert (why.verdict, why.step, why.stage, why.culprits, why.alike) == ("part", step, stage, NAMES, True)
    assert "agree with each other, and are both wrong" in verdict(why)
    planted = compare({"planted": reference}, *PROBLEM, BATCHED, dtypes=["float64"])
    assert planted.verdict == "OUTSIDE"


def test_a_run_that_ends_early_without_a_reason_is_refused(right):
    cut = {name: getattr(right(SUM), name)[:20] for name in ("gradients", "before", "losses")}
    short = replace(right(SUM), points=right(SUM).points[:21], detail=np.array([], np.int64), **cut)
    with pytest.raises(ValueError, match=r"B holds 20 steps of the 30 .* no reason"):
        explain(right(SUM), short)


@pytest.mark.parametrize(("said", "actual"), [("bfloat16", "float16"), ("float32", "float64")])
def test_numbers_of_another_format_are_seen_in_both(said, actual):
    pair = [traced(Elsewhere(actual), SUM, said) for _ in NAMES]
    why = explain(*pair, NAMES)
    assert (why.verdict, why.culprits, why.alike) == ("part", NAMES, True)


WRONG_INPUTS = {
    "a feature": lambda g: g._replace(dataset=replace(g.dataset, X=g.dataset.X * (1 + 2.0**-40))),
    "a label": lambda g: g._replace(dataset=replace(g.dataset, y=np.append(1 - g.dataset.y[:1], g.dataset.y[1:]))),
    "weights": lambda g: g._replace(dataset=replace(g.dataset, sample_weight=np.ones(40))),
    "the start": lambda g: g._replace(start=Parameters(g.start.weight, 0.0)),
    "the step size": lambda g: g._replace(setting=replace(g.setting, learning_rate=2 * g.setting.learning_rate)),
    "the steps": lambda g: g._replace(setting=replace(g.setting, steps=29)),
    "a row of a batch": lambda g: g._replace(batches=[*g.batches[:3], g.batches[3][:-1], *g.batches[4:]]),
    "a batch too few": lambda g: g._replace(batches=g.batches[:-1]),
    "two batches swapped": lambda g: g._replace(batches=[g.batches[1], g.batches[0], *g.batches[2:]]),
}


@pytest.mark.parametrize("name", WRONG_INPUTS)
def test_inputs_that_are_not_those_that_were_given_are_a_fault_of_ours(monkeypatch, name):
    """Whatever is compared begins with them: a fault there is shared by both runs and by the truth."""
    for module in (problem, tracing):
        wrong = lambda *given, right=module.rounded_inputs: WRONG_INPUTS[name](right(*given))  # noqa: E731
        monkeypatch.setattr(module, "rounded_inputs", wrong)
    with pytest.raises(AssertionError, match="please report this"):
        compare({"right": ByHand()}, *PROBLEM, BATCHED, dtypes=["float64"])
    with pytest.raises(AssertionError, match="please report this"):
        traced(ByHand(), BATCHED)


@pytest.mark.parametrize(
    ("factor", "printed"),
    [
        (1.0001, "1.0001"),
        (1 + 3e-9, "1.000000003"),
        (1 - 2.0**-40, "0.999999999999091"),
        (2.0, "2"),
        (13.33333333, "13.3333"),
        (1.0, "1"),
    ],
)
def test_a_factor_is_printed_with_the_digits_that_differ_from_1(factor, printed):
    assert digits(factor) == printed


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_run_of_the_exact_engine_is_explained_by_its_own_bounds(twin, dtype):
    """Which do not count the rows: an error that 2000 rows would hide shows, and the engines agree."""
    many, setting = gaussian(2000, 2, seed=3), Setting(steps=3, learning_rate=0.5, l2=0.25)
    start, runs = Parameters(np.array([0.5, -0.25]), 0.125), {}
    for engine in ("eager", "exact"):
        of_engine = OnEngine(twin.__name__, twin, engine)
        runs[engine] = record(engine, of_engine, many, start, setting, dtype=dtype)
    assert [run.engine for run in runs.values()] == ["eager", "exact"]
    assert explain(*runs.values()).verdict == "agree"
    here = runs["exact"].points[1]
    limits = PointBounds(many, Parameters(here[:-1], here[-1]), dtype=dtype, l2=0.25, engine="exact")
    off = {engine: replace(run, gradients=run.gradients.copy()) for engine, run in runs.items()}
    for run in off.values():
        run.gradients[1] = round_to(run.gradients[1] + 6 * limits.gradient, dtype)
    found = {engine: explain(runs[engine], off[engine], NAMES) for engine in runs}
    assert found["eager"].verdict == "agree"
    assert (found["exact"].verdict, found["exact"].step, found["exact"].stage) == ("part", 2, "gradient")
    assert found["exact"].culprits == ("wrong",)
