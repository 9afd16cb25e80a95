"""Mini-batch descent over data larger than memory, one block of rows a step.

Read beside ``logreg_jax/speed/streaming.py``. The optimum of such data is found by ``fit``, which takes a Stream as
well.
"""

import numpy as np
from tqdm import tqdm

from logreg_parity.data.dataset import Dataset
from logreg_parity.data.history import History
from logreg_parity.solvers.checkpoint import Checkpoint

from ..convert import arithmetic, data_from_numpy, model_from_numpy, model_to_numpy
from ..sgd import sgd, sgd_step


def train_stream(stream, start, *, epochs, learning_rate, l2=0.0, dtype="float32", device="cpu", checkpoint=None):
    """Gradient descent from a point over a Stream, as a History: every block is the mini-batch of one step.

    epochs: how often the stream is read; the losses are means over a block, before its update. checkpoint: a file
    that keeps the state every half minute, from which a killed run goes on to the same bits. A loss that is not
    finite ends the run. Raises ValueError for a checkpoint of another run and data that change meanwhile.
    """
    steps = epochs * stream.n_blocks
    settings = {"epochs": epochs, "learning_rate": learning_rate, "l2": l2, "dtype": dtype, "device": device}
    kept = checkpoint and Checkpoint(checkpoint, {**settings, "twin": "logreg_torch", "data": stream.fingerprint})
    state = {"weight": np.asarray(start.weight), "bias": np.asarray(start.bias), "losses": np.empty(0)}
    state = (kept and kept.load()) or state
    begin, losses = type(start)(state["weight"], state["bias"]), list(state["losses"])
    with arithmetic(dtype):
        model = model_from_numpy(begin, dtype, device)
        optimizer = sgd(model, learning_rate)
        bar = tqdm(
            total=steps, initial=len(losses), unit="step", desc="logreg_torch", disable=None, delay=1, leave=False
        )
        while len(losses) < steps and np.isfinite(losses[-1:]).all():
            X, y = stream.block(len(losses) % stream.n_blocks)
            batch = data_from_numpy(Dataset(X, y, stream.source), dtype, device)
            model, optimizer, value = sgd_step(model, optimizer, **batch, l2=l2)
            losses.append(value.item())
            bar.update()
            if kept:
                kept.save(_state(model, losses), now=len(losses) == steps)
        bar.close()
        end = model_to_numpy(model)
    stopped = (
        None if len(losses) == steps else f"the loss of step {len(losses)} is {losses[-1]}; give a smaller step size"
    )
    points = (np.array([part, last]) for part, last in zip(start, end, strict=True))
    return History(np.array(losses), "before", np.array([0, len(losses)]), *points, stopped)


def _state(model, losses):
    """What a checkpoint keeps."""
    weight, bias = model_to_numpy(model)
    return {"weight": weight, "bias": np.asarray(bias), "losses": np.array(losses)}
