"""The loop: gradient descent on all rows or on mini-batches, with momentum or without.

Read beside ``logreg_jax/train.py``. The rows of every mini-batch come from outside, from ``batches`` of
``logreg_parity.data.dataset``, so that both twins see the same rows in the same order.
"""

from collections.abc import Collection, Iterable

import numpy as np

from logreg_parity.data.dataset import Dataset, Parameters, check_point
from logreg_parity.data.history import History, Recorder
from logreg_parity.solvers.descent import Slopes, check_engine, descend, descend_together
from logreg_parity.solvers.ranks import Ranks
from logreg_parity.truth.exact import descend as descend_exactly
from logreg_parity.twins import Loss, Record, Reduction, Setting

from .convert import arithmetic, data_from_numpy, model_from_numpy, model_to_numpy, one_thread
from .gradient import value_and_grad
from .loss import objective
from .sgd import sgd, sgd_step
from .speed.engines import exact, fast


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
    loss: Loss = "stable",
    dtype: str = "float32",
    device: str = "cpu",
    engine: str = "eager",
    ranks: str | Ranks | None = None,
) -> History:
    """Gradient descent from a point on a Dataset, as a History.

    Args:
        dataset: X (N, D), y (N,) and row weights, if any.
        start: weight (D,) and bias (), where the first step begins.
        steps, learning_rate, momentum, nesterov: those of ``logreg_parity.twins.Setting``.
        batches: the rows (B,) of each step, or None for all rows at every step.
        record: whether the loss of a step is taken "before" or "after" the update, on the step's own rows, or "none".
        keep: the steps whose points are kept, beside the start and the end.
        l2, reduction, loss: those of ``loss.objective``.
        dtype: "float64", "float32", "bfloat16" or "float16".
        device: "cpu", "cuda" or "auto".
        engine: "eager" is the loop below; "fast" takes the same steps faster, without momentum; "exact" takes them in
            float64 or float32 to the same bits in both frameworks, on every processor (``speed/exact.py``).
        ranks: the processes of a job that share the rows of every step, "torch" or "jax" for the runtime that carries
            the sums: any number of them takes the same steps (``solvers/descent.py``). None: this one alone.

    Returns:
        Losses and points. A loss that is not finite ends the run, with the reason.

    Raises:
        ValueError: for a value outside its range, an unknown name, a start that does not fit the data, and batches that
            end before the steps do or name rows there are not.
        ConnectionError: where a rank is gone.
    """
    setting = Setting(
        steps=steps,
        learning_rate=learning_rate,
        momentum=momentum,
        nesterov=nesterov,
        reduction=reduction,
        l2=l2,
        record=record,
        loss=loss,
    )
    check_engine(engine, loss, momentum, ranks)
    check_point(dataset, start, "start")
    with arithmetic(dtype), one_thread():  # what the program around has chosen does not change a result
        if ranks is not None:
            means = Slopes(data_from_numpy, model_from_numpy, value_and_grad, model_to_numpy)
            given = dataset, start, setting, ranks, batches, keep
            return descend_together(means, "logreg_torch", *given, dtype=dtype, device=device)
        model = model_from_numpy(start, dtype, device)
        recorder = Recorder(model_to_numpy(model), setting, keep=keep, name="logreg_torch", engine=engine)
        if engine == "exact":
            return descend_exactly(exact(device), dataset, batches, recorder, dtype)
        if engine == "fast":
            return descend(fast(dataset, dtype, device), dataset, batches, recorder)
        data = data_from_numpy(dataset, dtype, device)
        optimizer = sgd(model, setting.learning_rate, setting.momentum, nesterov)
        for step, rows in recorder.steps(batches, dataset.n_rows):
            batch = data if rows is None else {name: array[rows] for name, array in data.items()}
            model, optimizer, value = sgd_step(model, optimizer, **batch, l2=setting.l2, reduction=reduction, loss=loss)
            if record == "after":  # the same rows once more, at the new point
                value = objective(model, **batch, l2=setting.l2, reduction=reduction, loss=loss)
            recorder.add(step, None if record == "none" else value.item(), model_to_numpy(model))
    return recorder.history()
