"""What a user brings to ``logreg-parity check`` in files: two builders, a batch, a mapping."""

import importlib.util
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

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
    sys.path.insert(0, str(path.parent))  # the file may import what lies beside it
    try:
        spec = importlib.util.spec_from_file_location(f"logreg_parity_check_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise UnfitError(f"the {side} side is {target!r}; give a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        if not callable(getattr(module, function, None)):
            raise UnfitError(f"the {side} side: {path} has no function {function!r}; give one that it has")
        return getattr(module, function)()
    except UnfitError:
        raise
    except Exception as error:
        raise UnfitError(
            f"the {side} side: {target} fails ({type(error).__name__}: {error}); mend it, or install what it needs"
        ) from error
    finally:
        sys.path.remove(str(path.parent))


def read_batch(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz. Raises UnfitError where it is none, OSError where it is not there."""
    try:
        loaded = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise UnfitError(f"--data is {path}, no .npz ({error}); give one (numpy.savez)") from error
    if isinstance(loaded, np.ndarray):
        raise UnfitError(f"--data is {path}, one array; give an .npz (numpy.savez(path, x=..., y=...))")
    with loaded as file:
        return {name: file[name] for name in file.files}


def read_params(path: Path) -> dict[str, Any]:
    """A mapping from a .json or .toml. Raises UnfitError where it is none, OSError where it is not there."""
    readers = {".json": json.loads, ".toml": tomllib.loads}
    if path.suffix not in readers:
        raise UnfitError(f"--params is {path}; give a .json or a .toml file")
    try:
        return readers[path.suffix](path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnfitError(f"--params is {path}, which is not {path.suffix[1:].upper()} ({error}); mend it") from error
