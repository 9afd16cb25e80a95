"""A run that can go on after it was killed: its state on disk, and what it is the state of."""

import json
from io import BytesIO
from pathlib import Path
from time import monotonic
from zipfile import BadZipFile

import numpy as np

from ..data.files import write_whole


class Checkpoint:
    """Keeps the state of one run in a file, written whole, not more often than every so many seconds.

    identity: what makes it this run and no other: settings and data, as JSON can hold them. seconds: the least time
    between two writes; 0 writes every state.
    """

    def __init__(self, path: Path | str, identity: dict, *, seconds: float = 30.0):
        self._path, self._seconds, self._written = Path(path), seconds, monotonic()
        self._identity = json.loads(json.dumps(identity))

    def load(self) -> dict[str, np.ndarray] | None:
        """The state last saved, or None where there is no file. Raises ValueError for the state of another run."""
        if not self._path.exists():
            return None
        try:
            with np.load(BytesIO(self._path.read_bytes()), allow_pickle=False) as archive:
                state = dict(archive)
            identity = json.loads(str(state.pop("identity")))
        except (ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ValueError(
                f"{self._path} is no checkpoint ({error}); delete it to start from the beginning"
            ) from error
        if identity != self._identity:
            names = sorted({*identity, *self._identity})
            apart = [name for name in names if identity.get(name) != self._identity.get(name)]
            what = "; ".join(f"{name} {identity.get(name)} there, {self._identity.get(name)} here" for name in apart)
            raise ValueError(f"{self._path} is the checkpoint of another run ({what}); name another file, or delete it")
        return state

    def save(self, state: dict[str, np.ndarray], *, now: bool = False) -> None:
        """Keep the state, if it is time or ``now``. The file before it stands until the new one is whole."""
        if now or monotonic() - self._written >= self._seconds:
            file = BytesIO()
            np.savez(file, allow_pickle=False, identity=json.dumps(self._identity), **state)
            write_whole(self._path, file.getvalue())
            self._written = monotonic()
