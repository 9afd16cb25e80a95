"""What an exhibit of the museum is."""

from typing import NamedTuple

from ..judge.problem import Setting
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
