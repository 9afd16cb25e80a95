"""The mathematics by hand, in NumPy: the third column beside the twins, and a twin itself.

The definitions stand in the order of the twins' files. They run in the dtype of the arrays they are given
(float64, float32, float16) and use no automatic differentiation: every derivative is written out. The bounds are
computed with them; ``--twins logreg_parity.truth.reference`` has the judge look at them as at any other twin.
"""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from ..data.dataset import Dataset, Parameters, check_point
from ..data.history import Evaluation, History, Recorder
from ..twins import Record, Reduction, Setting, check_objective, check_reduction
from .ulp import round_setting

# -- model ------------------------------------------------------------------------------------------------------------


def sigmoid(z: np.ndarray) -> np.ndarray:
    """σ(z) = 1 / (1 + exp(-z)), written so that exp never overflows."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + e), e / (1 + e))


def logits(parameters: Parameters, X: np.ndarray) -> np.ndarray:
    """z = Xw + b (N,)."""
    return X @ parameters.weight + parameters.bias


# -- loss -------------------------------------------------------------------------------------------------------------


def softplus(z: np.ndarray) -> np.ndarray:
    """log(1 + exp(z)) as max(z, 0) + log1p(exp(-|z|)): two terms of one sign, so nothing cancels."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def textbook_loss(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """-(y log p + (1 - y) log(1 - p)), as textbooks print it: not finite once p rounds to 0 or 1."""
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(-z))
        return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def stable_loss(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """y softplus(-z) + (1 - y) softplus(z): the same value, a few ulp from exact at every finite logit."""
    return y * softplus(-z) + (1 - y) * softplus(z)


def objective(
    parameters: Parameters,
    X: np.ndarray,
    y: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    l2: float = 0.0,
    reduction: Reduction = "mean",
) -> np.floating:
    """The objective f, a number: the weighted mean or sum of the losses and the penalty.

    Args:
        parameters: θ, weight (D,) and bias ().
        X: features (N, D).
        y: labels (N,), 0 and 1 or between them.
        sample_weight: row weights ω (N,), or None for all 1.
        l2: of the penalty (l2 / 2) ‖w‖².
        reduction: "mean", of the losses by their row weights, or "sum".

    Returns:
        f in nats, in the dtype of the arrays.

    Raises:
        ValueError: for another reduction.
    """
    losses = stable_loss(logits(parameters, X), y)
    weighted = losses if sample_weight is None else sample_weight * losses
    data = weighted.sum() / count(y, sample_weight, reduction)
    return data + (l2 / 2 * parameters.weight * parameters.weight).sum()  # l2 first: 0 times a square of ∞ is NaN


def count(y: np.ndarray, sample_weight: np.ndarray | None, reduction: Reduction) -> np.floating:
    """What the summed losses are divided by: Σ ω for the mean (N without row weights), 1 for the sum."""
    check_reduction(reduction)
    if reduction == "sum":
        return y.dtype.type(1)
    return y.dtype.type(y.shape[-1]) if sample_weight is None else sample_weight.sum(axis=-1)


# -- gradient ---------------------------------------------------------------------------------------------------------


def residual(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """r = p - y as (1 - y) σ(z) - y σ(-z), which keeps its digits where p is close to y."""
    return (1 - y) * sigmoid(z) - y * sigmoid(-z)


def value_and_grad(
    parameters: Parameters,
    X: np.ndarray,
    y: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    l2: float = 0.0,
    reduction: Reduction = "mean",
) -> tuple[np.floating, Parameters]:
    """The objective and its gradient: Xᵀ(ω r) / Σ ω + l2 w for the weight, Σ ω r / Σ ω for the bias.

    Args and Raises are those of ``objective``.

    Returns:
        f (), and ∇f as weight (D,) and bias ().
    """
    value = objective(parameters, X, y, sample_weight=sample_weight, l2=l2, reduction=reduction)
    r = residual(logits(parameters, X), y)
    r = (r if sample_weight is None else sample_weight * r) / count(y, sample_weight, reduction)
    return value, Parameters(X.T @ r + l2 * parameters.weight, r.sum())


def per_example_gradients(parameters: Parameters, X: np.ndarray, y: np.ndarray) -> Parameters:
    """The gradient of each row's loss, without row weights and penalty.

    Args:
        parameters: θ, weight (D,) and bias ().
        X: features (N, D).
        y: labels (N,).

    Returns:
        weight (N, D) and bias (N,), one row an example.
    """
    r = residual(logits(parameters, X), y)
    return Parameters(X * r[:, None], r)


def hessian(
    parameters: Parameters,
    X: np.ndarray,
    y: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    l2: float = 0.0,
    reduction: Reduction = "mean",
) -> np.ndarray:
    """The second derivative of the objective: X̃ᵀ diag(ω σ(z) σ(-z)) X̃ / Σ ω, and l2 for the weights.

    Args and Raises are those of ``objective``.

    Returns:
        H (D + 1, D + 1), the bias last.
    """
    z = logits(parameters, X)
    curvature = sigmoid(z) * sigmoid(-z)
    curvature = curvature if sample_weight is None else sample_weight * curvature
    X1 = with_ones(X)
    H = X1.T @ (X1 * curvature[:, None]) / count(y, sample_weight, reduction)
    penalised = np.arange(X1.shape[1] - 1)
    H[penalised, penalised] += H.dtype.type(l2)
    return H


def hessian_vector_product(
    parameters: Parameters,
    direction: Parameters,
    X: np.ndarray,
    y: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    l2: float = 0.0,
    reduction: Reduction = "mean",
) -> Parameters:
    """The Hessian times a direction.

    Args and Raises are those of ``objective``, and
        direction: weight (D,) and bias ().

    Returns:
        The product in the shape of the parameters.
    """
    H = hessian(parameters, X, y, sample_weight=sample_weight, l2=l2, reduction=reduction)
    product = H @ flatten(direction)
    return Parameters(product[:-1], product[-1])


def with_ones(X: np.ndarray) -> np.ndarray:
    """X̃ = [X, 1] (N, D + 1): the bias as the weight of a column of ones."""
    return np.column_stack([X, np.ones(X.shape[0], X.dtype)])


def flatten(parameters: Parameters) -> np.ndarray:
    """(w, b) as one vector (D + 1,), the bias last."""
    return np.append(parameters.weight, parameters.bias)


# -- sgd, train -------------------------------------------------------------------------------------------------------


def sgd_step(
    θ: Any, slope: Any, velocity: Any, learning_rate: Any, momentum: Any = 0, nesterov: bool = False
) -> tuple[Any, Any]:
    """One step of ``torch.optim.SGD``: v ← μ v + ∇f, then θ - η v, or Nesterov's θ - η (∇f + μ v).

    Args:
        θ: the point (D + 1,), of numbers of any kind.
        slope: ∇f there (D + 1,).
        velocity: v (D + 1,), which is 0 before the first step.
        learning_rate: η.
        momentum: μ.
        nesterov: whether the step is Nesterov's.

    Returns:
        The next point and the next velocity, both (D + 1,).
    """
    velocity = momentum * velocity + slope if momentum else slope
    return θ - learning_rate * (slope + momentum * velocity if nesterov else velocity), velocity


def evaluate(
    dataset: Dataset,
    parameters: Parameters,
    *,
    l2: float = 0.0,
    reduction: Reduction = "mean",
    dtype: str = "float64",
    device: str = "cpu",
) -> Evaluation:
    """Everything there is to know at one point, by hand: the function of ``twins.Twin``.

    Args:
        dataset: N rows of D features; it is cast to the dtype.
        parameters: θ, weight (D,) and bias ().
        l2: of the penalty (l2 / 2) ‖w‖².
        reduction: "mean" or "sum", of the losses.
        dtype: "float64", "float32" or "float16".
        device: "cpu" (or "auto"), where NumPy computes.

    Returns:
        Logits, losses, objective, gradient, probabilities and classes.

    Raises:
        ValueError: for another dtype, device or reduction.
    """
    check_objective(l2, reduction)
    check_point(dataset, parameters, "point")
    data, parameters = _from_numpy(dataset, parameters, dtype, device)
    z = logits(parameters, data["X"])
    value, gradient = value_and_grad(parameters, **data, l2=data["X"].dtype.type(l2), reduction=reduction)
    p = sigmoid(z)
    return Evaluation(z, stable_loss(z, data["y"]), float(value), gradient, p, (p > 0.5).astype(np.int32))


def train(
    dataset: Dataset,
    start: Parameters,
    *,
    steps: int,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    batches: Iterable[np.ndarray] | None = None,
    record: Record = "after",
    keep: Collection[int] | None = None,
    l2: float = 0.0,
    reduction: Reduction = "mean",
    dtype: str = "float64",
    device: str = "cpu",
) -> History:
    """Gradient descent by hand: the function of ``twins.Twin``.

    Args:
        dataset: N rows of D features; it is cast to the dtype.
        start: from where, weight (D,) and bias ().
        steps, learning_rate, momentum, nesterov, record, l2, reduction: those of ``twins.Setting``.
        batches: the rows (B,) of every step, or None for all rows.
        keep: the steps whose points are kept beside the first and the last.
        dtype: "float64", "float32" or "float16".
        device: "cpu" (or "auto").

    Returns:
        The run, until its last step or a loss that is not finite.

    Raises:
        ValueError: for what is no Setting, another dtype or device, or batches that end before the steps.
    """
    setting = Setting(
        steps=steps,
        learning_rate=learning_rate,
        momentum=momentum,
        nesterov=nesterov,
        reduction=reduction,
        l2=l2,
        record=record,
    )
    check_point(dataset, start, "start")
    data, parameters = _from_numpy(dataset, start, dtype, device)
    recorder = Recorder(parameters, setting, keep=keep, name="reference")
    setting, velocity = round_setting(setting, dtype), np.zeros_like(flatten(parameters))
    l2, rule = setting.l2, (setting.learning_rate, setting.momentum, nesterov)
    for step, rows in recorder.steps(batches, dataset.n_rows):
        batch = data if rows is None else {name: array[rows] for name, array in data.items()}
        with np.errstate(over="ignore", invalid="ignore"):  # the recorder stops the run and says why
            before, gradient = value_and_grad(parameters, **batch, l2=l2, reduction=reduction)
            point, velocity = sgd_step(flatten(parameters), flatten(gradient), velocity, *rule)
            parameters = Parameters(point[:-1], point[-1])
            loss = before if record == "before" else objective(parameters, **batch, l2=l2, reduction=reduction)
        recorder.add(step, None if record == "none" else float(loss), parameters)
    return recorder.history()


def devices() -> tuple[str, ...]:
    """NumPy computes on the CPU."""
    return ("cpu",)


def versions() -> dict[str, str]:
    """What ran."""
    return {"numpy": np.__version__}


def _from_numpy(
    dataset: Dataset, parameters: Parameters, dtype: str, device: str
) -> tuple[dict[str, np.ndarray], Parameters]:
    """The arrays X, y, sample_weight (where there are row weights) and the point, in the dtype."""
    if dtype not in ("float64", "float32", "float16") or device not in ("cpu", "auto"):
        raise ValueError(
            f"dtype is {dtype!r} and device {device!r}; NumPy knows float64, float32 and float16, on the cpu"
        )
    data = {"X": dataset.X.astype(dtype), "y": dataset.y.astype(dtype)}
    if dataset.sample_weight is not None:
        data["sample_weight"] = dataset.sample_weight.astype(dtype)
    return data, Parameters(np.asarray(parameters.weight, dtype), np.asarray(parameters.bias, dtype)[()])
