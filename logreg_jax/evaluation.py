"""One point looked at: everything the model computes there.

Read beside ``logreg_torch/evaluation.py``.
"""

from logreg_parity.data.history import Evaluation

from .convert import arithmetic, data_from_numpy, model_from_numpy, model_to_numpy, to_numpy
from .gradient import value_and_grad
from .loss import LOSSES


def evaluate(dataset, parameters, *, l2=0.0, reduction="mean", loss="stable", dtype="float32", device="cpu"):
    """Logits, losses, objective, gradient, probabilities and classes of a Dataset at one point, as an Evaluation."""
    with arithmetic(dtype):
        data, model = data_from_numpy(dataset, dtype, device), model_from_numpy(parameters, dtype, device)
        value, gradient = value_and_grad(model, **data, l2=l2, reduction=reduction, loss=loss)
        z = model(data["X"])
        return Evaluation(
            logits=to_numpy(z),
            losses=to_numpy(LOSSES[loss](z, data["y"])),
            objective=value.item(),
            gradient=model_to_numpy(gradient),
            probabilities=to_numpy(model.probabilities(data["X"])),
            classes=to_numpy(model.classes(data["X"])),
        )
