"""More exhibits: rows, step sizes, momentum, decay and formats that go wrong in the loop around a right gradient."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..data.history import Evaluation, History
from ..truth import reference
from ..truth.ulp import round_to
from ..twins import Reduction
from .by_hand import ByHand
from .exhibit import BATCHED, MEAN, SUM, Exhibit
from .habits import Remembering

HEAVY = replace(SUM, momentum=0.75)
LOOK_AHEAD = replace(HEAVY, nesterov=True)
BEFORE = replace(SUM, record="before")
PART_MEAN = replace(MEAN, record="before", batch_size=16)


class OtherRows(ByHand):
    """A loop that takes other rows than it is told; ``other`` says which, of N."""

    def train(self, dataset: Dataset, start: Parameters, *, batches: Iterable | None = None, **options: Any) -> History:
        given = None if batches is None else [np.array(rows) for rows in batches]
        return super().train(dataset, start, batches=given and self.other(given, dataset.n_rows), **options)

    def other(self, given: list[np.ndarray], n: int) -> list[np.ndarray]:
        raise NotImplementedError


class BatchesSwapped(OtherRows):
    """The mini-batches of steps 2 and 3 change places."""

    def other(self, given: list[np.ndarray], n: int) -> list[np.ndarray]:
        return [given[0], given[2], given[1], *given[3:]]


class BatchRepeated(OtherRows):
    """The mini-batch of step 1 is taken again in step 2."""

    def other(self, given: list[np.ndarray], n: int) -> list[np.ndarray]:
        return [given[0], given[0], *given[2:]]


class AllRowsForABatch(OtherRows):
    """All rows at every step, where mini-batches are asked for."""

    def other(self, given: list[np.ndarray], n: int) -> list[np.ndarray]:
        return [np.arange(n)] * len(given)


class RowOfBatchLeftOut(OtherRows):
    """The last row of every mini-batch is left out."""

    def other(self, given: list[np.ndarray], n: int) -> list[np.ndarray]:
        return [rows[:-1] for rows in given]


class RowOfBatchTwice(OtherRows):
    """The first row of every mini-batch stands in it twice."""

    def other(self, given: list[np.ndarray], n: int) -> list[np.ndarray]:
        return [np.append(rows, rows[0]) for rows in given]


class RowOfBatchReplaced(OtherRows):
    """A row number one too large in every mini-batch."""

    def other(self, given: list[np.ndarray], n: int) -> list[np.ndarray]:
        return [np.append(rows[:-1], (rows[-1] + 1) % n) for rows in given]


class MeanByFullBatch(ByHand):
    """The sum over a last mini-batch that is short, divided by the size of the others."""

    def step(self, theta: Parameters, rate: float, X: np.ndarray, y: np.ndarray, *rest: Any) -> Parameters:
        return super().step(theta, rate * len(y) / 16, X, y, *rest)


class Stepping(ByHand):
    """A loop whose step goes by the number of the step, 1 being the first."""

    def train(self, *arguments: Any, **options: Any) -> History:
        self.number = 0
        return super().train(*arguments, **options)

    def share(self, number: int) -> float:
        """By what the step size is multiplied."""
        raise NotImplementedError

    def step(self, theta: Parameters, rate: float, *batch: Any) -> Parameters:
        self.number += 1
        return super().step(theta, rate * float(self.share(self.number)), *batch)


class RateHalved(Stepping):
    """The step size halves every ten steps."""

    def share(self, number: int) -> float:
        return 0.5 ** ((number - 1) // 10)


class RateFalling(Stepping):
    """The step size falls by a twentieth at every step."""

    def share(self, number: int) -> float:
        return 0.95 ** (number - 1)


class RateByTime(Stepping):
    """The step size is divided by the number of the step."""

    def share(self, number: int) -> float:
        return 1 / number


class RateByRoot(Stepping):
    """The step size is divided by the root of the number of the step."""

    def share(self, number: int) -> float:
        return number**-0.5


class RateOnACosine(Stepping):
    """The step size falls along half a cosine."""

    def share(self, number: int) -> float:
        return (1 + np.cos(np.pi * (number - 1) / 30)) / 2


class RateToZero(Stepping):
    """The step size falls in a straight line."""

    def share(self, number: int) -> float:
        return 1 - (number - 1) / 30


class WarmUp(Stepping):
    """The step size rises in a straight line over the first ten steps."""

    def share(self, number: int) -> float:
        return min(1.0, number / 10)


class StepSkipped(Stepping):
    """Every fourth step is not taken."""

    def share(self, number: int) -> float:
        return float(number % 4 != 0)


class RateByHand(Stepping):
    """A step size that was typed with eight digits."""

    def share(self, number: int) -> float:
        return 1.00000003


class Directed(ByHand):
    """A step along something else than the gradient."""

    def along(self, slope: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def step(self, theta: Parameters, rate: float, *batch: Any) -> Parameters:
        d = self.along(reference.flatten(self.gradient(theta, *batch)))
        return Parameters(theta.weight - rate * d[:-1], theta.bias - rate * d[-1])


class NormCapped(Directed):
    """The gradient scaled down to a norm of 1 where it is longer."""

    def along(self, slope: np.ndarray) -> np.ndarray:
        return slope / max(1.0, np.linalg.norm(slope))


class ValuesCapped(Directed):
    """Every coordinate of the gradient kept within 20."""

    def along(self, slope: np.ndarray) -> np.ndarray:
        return np.clip(slope, -20, 20)


class SignOfGradient(Directed):
    """The sign of the gradient."""

    def along(self, slope: np.ndarray) -> np.ndarray:
        return np.sign(slope)


class AdamForDescent(Directed):
    """Adam's first step at every step."""

    def along(self, slope: np.ndarray) -> np.ndarray:
        return slope / (np.abs(slope) + 1e-8)


class Decayed(ByHand):
    """A step with a decay of its own, beside the penalty's; ``decay`` gives it for weight and bias."""

    def decay(self, l2: float, y: np.ndarray) -> tuple[float, float]:
        raise NotImplementedError

    def step(
        self, theta: Parameters, rate: float, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction
    ) -> Parameters:
        there = super().step(theta, rate, X, y, l2, reduction)
        weight, bias = self.decay(l2, y)
        return Parameters(there.weight - rate * weight * theta.weight, there.bias - rate * bias * theta.bias)


class DecayBeside(Decayed):
    """A weight decay of 0.01 in the optimiser, beside the penalty."""

    def decay(self, l2: float, y: np.ndarray) -> tuple[float, float]:
        return 0.01, 0.0


class DecayOfAll(Decayed):
    """A weight decay of 0.01 in the optimiser, on the bias too."""

    def decay(self, l2: float, y: np.ndarray) -> tuple[float, float]:
        return 0.01, 0.01


class DecayOfBias(Decayed):
    """The optimiser's decay, l2, on the bias."""

    def decay(self, l2: float, y: np.ndarray) -> tuple[float, float]:
        return 0.0, l2


class PenaltyTwice(Decayed):
    """The penalty in the loss and once more as the optimiser's decay."""

    def decay(self, l2: float, y: np.ndarray) -> tuple[float, float]:
        return l2, 0.0


class PenaltyTimesRows(Decayed):
    """The penalty's part of a step multiplied by the number of rows."""

    def decay(self, l2: float, y: np.ndarray) -> tuple[float, float]:
        return l2 * (len(y) - 1), 0.0


class AbsolutePenalty(ByHand):
    """The gradient of l2 |w| where that of l2 / 2 ‖w‖² is meant."""

    def gradient(self, theta: Parameters, X: np.ndarray, y: np.ndarray, l2: float, reduction: Reduction) -> Parameters:
        slope = super().gradient(theta, X, y, 0.0, reduction)
        return Parameters(slope.weight + l2 * np.sign(theta.weight), slope.bias)


class HeavyBall(Remembering):
    """Momentum, as asked for; ``velocity`` makes the next one of the old one and the gradient."""

    def train(self, *arguments: Any, momentum: float = 0.0, nesterov: bool = False, **options: Any) -> History:
        self.momentum, self.nesterov = momentum, nesterov
        return super().train(*arguments, **options)

    def velocity(self, old: np.ndarray, slope: np.ndarray, *, first: bool) -> np.ndarray:
        return self.momentum * old + slope

    def direction(self, new: Parameters) -> Parameters:
        slopes = [reference.flatten(slope) for slope in (*self.seen, new)]
        velocity = np.zeros_like(slopes[0])
        for k, slope in enumerate(slopes):
            velocity = self.velocity(velocity, slope, first=k == 0)
        d = slopes[-1] + self.momentum * velocity if self.nesterov else velocity
        return Parameters(d[:-1], d[-1])


class Dampened(HeavyBall):
    """A dampening of 0.25: gradients after the first count three quarters."""

    def velocity(self, old: np.ndarray, slope: np.ndarray, *, first: bool) -> np.ndarray:
        return slope if first else self.momentum * old + 0.75 * slope


class OtherMomentum(HeavyBall):
    """A momentum of 0.5 where 0.75 is asked for."""

    def velocity(self, old: np.ndarray, slope: np.ndarray, *, first: bool) -> np.ndarray:
        return 0.5 * old + slope


class NesterovAsPrinted(HeavyBall):
    """Nesterov's gradient at the point ahead, where that at the point itself is asked for."""

    def train(self, *arguments: Any, **options: Any) -> History:
        self.moved = np.zeros(())
        return super().train(*arguments, **options)

    def step(self, theta: Parameters, rate: float, *batch: Any) -> Parameters:
        here = reference.flatten(theta)
        self.moved = self.moved.astype(here.dtype)
        ahead = here - rate * self.momentum * self.moved
        slope = reference.flatten(self.gradient(Parameters(ahead[:-1], ahead[-1]), *batch))
        self.moved = self.momentum * self.moved + slope
        there = here - rate * self.moved
        return Parameters(there[:-1], there[-1])


class OneFeatureInBFloat16(ByHand):
    """The second feature was kept in bfloat16."""

    def logits(self, theta: Parameters, X: np.ndarray) -> np.ndarray:
        X = X.copy()
        X[:, 1] = round_to(X[:, 1], "bfloat16")
        return super().logits(theta, X)


class WeightsInBFloat16(ByHand):
    """The weights are multiplied in bfloat16, and are kept in full."""

    def logits(self, theta: Parameters, X: np.ndarray) -> np.ndarray:
        return super().logits(Parameters(round_to(theta.weight, "bfloat16").astype(X.dtype), theta.bias), X)


class BiasInBFloat16(ByHand):
    """The bias is added in bfloat16, and is kept in full."""

    def logits(self, theta: Parameters, X: np.ndarray) -> np.ndarray:
        return super().logits(Parameters(theta.weight, X.dtype.type(round_to(theta.bias, "bfloat16"))), X)


class ProbabilitiesInFloat16(ByHand):
    """Probabilities that were stored in float16."""

    def evaluate(self, *arguments: Any, **options: Any) -> Evaluation:
        at = super().evaluate(*arguments, **options)
        return at._replace(probabilities=np.float16(at.probabilities).astype(at.probabilities.dtype))


class GradientInBFloat16(ByHand):
    """Gradients sent from one device to another in bfloat16."""

    def gradient(self, *arguments: Any) -> Parameters:
        slope = super().gradient(*arguments)
        return Parameters(*(round_to(part, "bfloat16").astype(slope.weight.dtype) for part in slope))


class FeatureTwice(ByHand):
    """The first feature in the place of the second as well."""

    def logits(self, theta: Parameters, X: np.ndarray) -> np.ndarray:
        return super().logits(theta, X[:, [0, 0, *range(2, X.shape[1])]])


class NoBias(ByHand):
    """The bias is left out of the logits."""

    def logits(self, theta: Parameters, X: np.ndarray) -> np.ndarray:
        return X @ theta.weight


LOOPS = (
    Exhibit(BatchesSwapped(), "common: workers that answer in another order", BATCHED, "update", "the rows of step 3"),
    Exhibit(BatchRepeated(), "common: a loader that starts again", BATCHED, "update", "the rows of step 1"),
    Exhibit(AllRowsForABatch(), "common: the whole array handed to the step", BATCHED, "update", "that of all 40 rows"),
    Exhibit(RowOfBatchLeftOut(), "common: an off-by-one slice", BATCHED, "update", "left out"),
    Exhibit(RowOfBatchTwice(), "common: padding that counts", BATCHED, "update", "counted twice"),
    Exhibit(RowOfBatchReplaced(), "common: an off-by-one index", BATCHED, "update", "in the place of row"),
    Exhibit(MeanByFullBatch(), "common: losses divided by batch_size", PART_MEAN, "update", "divided by 16"),
    Exhibit(RateHalved(), "torch.optim.lr_scheduler.StepLR", SUM, "update", "From step 11 on the step size is 0.5"),
    Exhibit(RateFalling(), "torch.optim.lr_scheduler.ExponentialLR", SUM, "update", "0.95 times that of"),
    Exhibit(RateByTime(), "common: Robbins and Monro's rule", SUM, "update", "divided by the number of the step"),
    Exhibit(RateByRoot(), "common: AdaGrad's bound", SUM, "update", "divided by the root of the number of the step"),
    Exhibit(RateOnACosine(), "optax.cosine_decay_schedule", SUM, "update", "falls along half a cosine"),
    Exhibit(RateToZero(), "optax.linear_schedule", SUM, "update", "falls in a straight line to 0"),
    Exhibit(WarmUp(), "optax.warmup_constant_schedule", SUM, "update", "a warm-up of 10 steps"),
    Exhibit(StepSkipped(), "common: gradients added up over micro-batches", SUM, "update", "the step was not taken"),
    Exhibit(RateByHand(), "made up", SUM, "update", "1.00000003 times"),
    Exhibit(NormCapped(), "torch.nn.utils.clip_grad_norm_", SUM, "update", "capped to a norm of 1"),
    Exhibit(ValuesCapped(), "torch.nn.utils.clip_grad_value_", SUM, "update", "kept within 20"),
    Exhibit(SignOfGradient(), "optax.sign_sgd", SUM, "update", "the sign of the gradient"),
    Exhibit(AdamForDescent(), "common: Adam's settings copied", SUM, "update", "as Adam's first step"),
    Exhibit(DecayBeside(), "torch.optim.SGD(weight_decay=0.01)", SUM, "update", "decay of 0.01 on the weights"),
    Exhibit(DecayOfAll(), "torch.optim.SGD, given all parameters", SUM, "update", "0.01 on all parameters"),
    Exhibit(DecayOfBias(), "common: model.parameters() holds the bias", SUM, "update", "decay of 0.25 on the bias"),
    Exhibit(PenaltyTwice(), "common: l2 in the loss and weight_decay", SUM, "update", "l2 once more"),
    Exhibit(PenaltyTimesRows(), "common: C and alpha differ by N from tool to tool", SUM, "update", "N times"),
    Exhibit(AbsolutePenalty(), "common: l1 for l2", SUM, "gradient", "l2 |w|"),
    Exhibit(Dampened(), "torch.optim.SGD(dampening=0.25)", HEAVY, "update", "a dampening of 0.25"),
    Exhibit(OtherMomentum(), "common", HEAVY, "update", "a momentum of 0.5"),
    Exhibit(
        NesterovAsPrinted(),
        "common: Nesterov's own form",
        LOOK_AHEAD,
        "update",
        "at the point ahead",
    ),
    Exhibit(OneFeatureInBFloat16(), "common: columns stored in short", SUM, "logits", "x2 rounded to bfloat16"),
    Exhibit(WeightsInBFloat16(), "common: mixed precision", BEFORE, "logits", "the weights rounded to bfloat16"),
    Exhibit(BiasInBFloat16(), "common: mixed precision", BEFORE, "logits", "the bias rounded to bfloat16"),
    Exhibit(ProbabilitiesInFloat16(), "common: predictions stored in short", SUM, "residuals", "are float16 numbers"),
    Exhibit(GradientInBFloat16(), "torch's bf16_compress_hook", SUM, "gradient", "is a bfloat16 number"),
    Exhibit(FeatureTwice(), "common: an index typed twice", SUM, "logits", "x1 in the place of x2"),
    Exhibit(NoBias(), "common", SUM, "logits", "without the bias"),
)
