"""The loop: gradient descent on all rows or on mini-batches, with momentum or without.

Read beside ``logreg_torch/train.py``. The rows of every mini-batch come from outside, from ``batches`` of
``logreg_parity.data.dataset``, so that both twins see the same rows in the same order.
"""

from logreg_parity.data.history import Recorder

from .convert import arithmetic, data_from_numpy, model_from_numpy, model_to_numpy
from .loss import objective
from .sgd import sgd, sgd_step
from .speed.engines import choose_engine, descend


def train(
    dataset,
    start,
    *,
    steps,
    learning_rate,
    momentum=0.0,
    nesterov=False,
    batches=None,
    record="after",
    keep=None,
    l2=0.0,
    reduction="mean",
    loss="stable",
    dtype="float32",
    device="cpu",
    engine="eager",
):
    """Gradient descent from a point on a Dataset, as a History.

    momentum, nesterov: those of ``torch.optim.SGD``, without dampening; batches: the rows (B,) of each step, or
    None for all rows at every step; record: whether the loss of a step is taken "before" or "after" the update, on
    the step's own rows, or not at all ("none"); keep: the steps whose points are kept, beside the start and the end.
    A loss that is not finite ends the run, with the reason in the History. engine: "eager" is the loop below;
    "inplace" and "compiled" take the same steps faster, without momentum, and "auto" chooses one of
    ``engines.ENGINES`` from the sizes; the History names it.
    """
    engine = choose_engine(engine, dataset, steps=steps, loss=loss, momentum=momentum)
    options = {"l2": l2, "reduction": reduction, "loss": loss}
    with arithmetic(dtype):
        data, model = data_from_numpy(dataset, dtype, device), model_from_numpy(start, dtype, device)
        books = {"steps": steps, "record": record, "keep": keep, "engine": engine}
        recorder = Recorder(model_to_numpy(model), **books, name="logreg_jax")
        if engine != "eager":
            given = {"steps": steps, "learning_rate": learning_rate, "batches": batches, "record": record}
            given |= {"l2": l2, "reduction": reduction, "dtype": dtype, "device": device}
            descend(engine, recorder, dataset, data, model, **given)
            return recorder.history()
        optimizer = sgd(model, learning_rate, momentum, nesterov)
        for step, rows in recorder.steps(batches):
            batch = data if rows is None else {name: array[rows] for name, array in data.items()}
            model, optimizer, value = sgd_step(model, optimizer, **batch, **options)
            if record == "after":
                value = objective(model, **batch, **options)
            recorder.add(step, None if record == "none" else value.item(), model_to_numpy(model))
    return recorder.history()
