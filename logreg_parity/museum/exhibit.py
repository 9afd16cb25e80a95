"""What an exhibit of the museum is, and the problem on which the exhibits are shown."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..data.dataset import Dataset, Parameters
from ..data.generator import gaussian
from ..twins import Setting
from .by_hand import ByHand


class Exhibit(NamedTuple):
    """A fault on show."""

    program: ByHand
    source: str  # where it was published or is made; "common" where no one place is certain
    setting: Setting  # under which it is shown
    stage: str  # where the microscope finds it first
    cause: str  # words that the microscope's cause must hold

    @property
    def name(self) -> str:
        """That of its class."""
        return type(self.program).__name__

    @property
    def what(self) -> str:
        """One sentence."""
        return " ".join((type(self.program).__doc__ or "").split())


# Three features whose logits reach far into saturation, as a fitted model's do.
DATASET = Dataset(8 * gaussian(40, 3, correlation=0.5).X, gaussian(40, 3, correlation=0.5).y, "wide logits")
START = Parameters(np.array([0.5, -1.0, 2.0]), 0.25)

SUM = Setting(steps=30, learning_rate=2.0**-10, l2=0.25, reduction="sum")
MEAN = replace(SUM, learning_rate=2.0**-5, reduction="mean")
BATCHED = replace(SUM, record="before", batch_size=8)
