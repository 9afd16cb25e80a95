"""What a user brings to ``logreg-parity check`` in files: two builders, a batch, a mapping."""

import importlib.util
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from ..data.archive import read_arrays
from ..users import UserError, of_user
from .arrays import UnfitError


def first_side(target: str) -> Any:
    """What the builder returns: a program, as ``check`` takes it."""
    return _build(target, "PyTorch")


def second_side(target: str) -> Any:
    """What the builder returns: a program, as ``check`` takes it."""
    return _build(target, "JAX")


def _build(target: str, side: str) -> Any:
    """Call FILE.py:FUNCTION. Raises UnfitError that names the side where the file, the function or the call fails."""
    name, colon, function = target.rpartition(":")
    path = Path(name)
    if not colon or not path.is_file():
        raise UnfitError(
            f"the {side} side is {target!r}; give FILE.py:FUNCTION, a file that is there and what builds the side"
        )
    spec = importlib.util.spec_from_file_location(f"logreg_parity_check_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UnfitError(f"the {side} side is {target!r}; give a Python file")
    sys.path.insert(0, str(path.parent))  # the file may import what lies beside it
    try:
        with of_user(f"the {side} side: {target}", file=str(path)):
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
            build = getattr(module, function, None)
            built = build() if callable(build) else None
    finally:
        sys.path.remove(str(path.parent))
    if not callable(build):
        raise UnfitError(f"the {side} side: {path} has no function {function!r}; give one that it has")
    if built is None:
        raise UserError(f"the {side} side: {target} returned None; return what it builds")
    return built


def read_batch(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz. Raises UnfitError where it is none, OSError where it is not there."""
    content = path.read_bytes()
    if content.startswith(np.lib.format.MAGIC_PREFIX):
        raise UnfitError(f"--data is {path}, one array; give an .npz (numpy.savez(path, x=..., y=...))")
    try:
        return read_arrays(content)
    except ValueError as error:
        raise UnfitError(f"--data is {path}, no .npz, or not a whole one ({error}); give one (numpy.savez)") from error


def read_params(path: Path) -> dict[str, Any]:
    """A mapping from a .json or .toml. Raises UnfitError where it is none, OSError where it is not there."""
    readers = {".json": json.loads, ".toml": tomllib.loads}
    if path.suffix not in readers:
        raise UnfitError(f"--params is {path}; give a .json or a .toml file")
    try:
        return readers[path.suffix](path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnfitError(f"--params is {path}, which is not {path.suffix[1:].upper()} ({error}); mend it") from error
