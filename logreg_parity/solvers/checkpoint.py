"""A run that can go on after it was killed: its state on disk, and what it is the state of."""

import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from ..data.archive import read_arrays
from ..data.files import write_whole

FORMAT = {"format": "logreg-parity checkpoint", "version": 4}
NAMED = 3  # differences are told, and of more only how many


class Checkpoint:
    """Keeps the state of one run in a file, written whole, not more often than every so many seconds.

    Args:
        path: of the file.
        identity: what makes it this run and no other: start, settings, arithmetic and data by name, as JSON holds them.
        shapes: of the arrays of a state, by name; None stands for any length.
        seconds: the least time between two writes; 0 writes every state.
    """

    def __init__(
        self,
        path: Path | str,
        identity: dict[str, Any],
        shapes: Mapping[str, tuple[int | None, ...]],
        *,
        seconds: float = 30.0,
    ):
        self._path, self._seconds, self._written, self._shapes = Path(path), seconds, monotonic(), shapes
        self._identity = json.loads(json.dumps({**FORMAT, **identity}))
        self._seen = self._stamp()

    def load(self) -> dict[str, np.ndarray] | None:
        """The state last saved, or None where there is no file.

        Raises:
            ValueError: for the state of another run, with what differs, and for a damaged file.
        """
        if not self._path.exists():
            return None
        try:
            state = read_arrays(self._path.read_bytes())
            identity = json.loads(str(state.pop("identity")))
            if not isinstance(identity, dict) or state.keys() != self._shapes.keys():
                raise ValueError(f"it holds {', '.join(state)}, wanted {', '.join(self._shapes)}")
        except (ValueError, KeyError, RecursionError) as error:
            raise ValueError(
                f"{self._path} is no checkpoint ({error}); delete it to start from the beginning"
            ) from error
        self.refuse(
            (name, identity.get(name), self._identity.get(name))
            for name in {**self._identity, **identity}
            if identity.get(name) != self._identity.get(name)
        )
        for name, wanted in self._shapes.items():
            shape = state[name].shape
            if len(shape) != len(wanted) or any(n not in (None, m) for n, m in zip(wanted, shape, strict=True)):
                raise ValueError(
                    f"{self._path} is no checkpoint ({name} has shape {shape}, wanted {wanted}); delete it to start "
                    f"from the beginning"
                )
        return state

    def refuse(self, apart: Iterable[tuple[str, Any, Any]]) -> None:
        """Raise ValueError where anything differs: its name, what the file says, and what is so here."""
        told = [f"{name} {there} there, {here} here" for name, there, here in apart]
        if told:
            more = [f"and {len(told) - NAMED} more"] if len(told) > NAMED else []
            what = "; ".join(told[:NAMED] + more)
            raise ValueError(f"{self._path} is the checkpoint of another run ({what}); name another file, or delete it")

    @property
    def due(self) -> bool:
        """Whether it is time to write."""
        return monotonic() - self._written >= self._seconds

    def wait(self) -> None:
        """Count from now, as if it had been written: another process has."""
        self._written = monotonic()

    def save(self, state: dict[str, np.ndarray], *, now: bool = False) -> None:
        """Keep the state, if it is time or ``now``. The file before it stands until the new one is whole.

        Raises:
            ValueError: where somebody else has written it meanwhile.
        """
        if now or self.due:
            if self._stamp() != self._seen:
                raise ValueError(f"{self._path} is written by another run at this time; name another file, or end it")
            file = BytesIO()
            np.savez(file, allow_pickle=False, identity=json.dumps(self._identity), **state)
            write_whole(self._path, file.getvalue())
            self._written, self._seen = monotonic(), self._stamp()

    def _stamp(self) -> tuple[int, int] | None:
        """What tells that a file is not the one before; None where there is none."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns
