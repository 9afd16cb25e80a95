"""One point looked at: everything the model computes there.

Read beside ``logreg_torch/evaluation.py``.
"""

from logreg_parity.data.dataset import Dataset, Parameters, check_point
from logreg_parity.data.history import Evaluation
from logreg_parity.solvers.descent import check_engine
from logreg_parity.twins import Loss, Reduction, check_objective

from .convert import arithmetic, data_from_numpy, model_from_numpy, model_to_numpy, one_thread, to_numpy
from .gradient import value_and_grad
from .loss import LOSSES
from .speed.exact_objective import evaluate_exactly

_value_and_grad = one_thread()(value_and_grad)


def evaluate(
    dataset: Dataset,
    parameters: Parameters,
    *,
    l2: float = 0.0,
    reduction: Reduction = "mean",
    loss: Loss = "stable",
    dtype: str = "float32",
    device: str = "cpu",
    engine: str = "eager",
) -> Evaluation:
    """Logits, losses, objective, gradient, probabilities and classes of a Dataset at one point, as an Evaluation.

    Args:
        dataset: X (N, D), y (N,) and row weights, if any.
        parameters: the point, weight (D,) and bias ().
        l2, reduction, loss: those of ``loss.objective``.
        dtype, device, engine: by name, as ``train`` takes them; "exact" is an arithmetic of its own, "fast" is not.

    Returns:
        Arrays (N,) of the rows in NumPy, and the objective with its gradient.

    Raises:
        ValueError: for an unknown name, a value outside its range, and a point that does not fit the data.
    """
    check_objective(l2, reduction, loss)
    check_point(dataset, parameters, "point")
    check_engine(engine, loss)
    if engine == "exact":
        return evaluate_exactly(dataset, parameters, l2=l2, reduction=reduction, dtype=dtype, device=device)
    with arithmetic(dtype):
        data, model = data_from_numpy(dataset, dtype, device), model_from_numpy(parameters, dtype, device)
        value, gradient = _value_and_grad(model, **data, l2=float(l2), reduction=reduction, loss=loss)
        z = model(data["X"])
        return Evaluation(
            logits=to_numpy(z),
            losses=to_numpy(LOSSES[loss](z, data["y"])),  # of each row, without its weight and the penalty
            objective=value.item(),
            gradient=model_to_numpy(gradient),
            probabilities=to_numpy(model.probabilities(data["X"])),
            classes=to_numpy(model.classes(data["X"])),
        )
