"""The problem on which the exhibits are shown."""

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..data.generator import gaussian
from ..judge.problem import Setting

# Three features whose logits reach far into saturation, as a fitted model's do.
DATASET = Dataset(8 * gaussian(40, 3, correlation=0.5).X, gaussian(40, 3, correlation=0.5).y, "wide logits")
START = Parameters(np.array([0.5, -1.0, 2.0]), 0.25)

SUM = Setting(30, 2.0**-10, l2=0.25, reduction="sum")
MEAN = SUM._replace(learning_rate=2.0**-5, reduction="mean")
BATCHED = SUM._replace(record="before", batch_size=8)
