"""On what a result was measured."""

import importlib.metadata
import shlex
import sys

import jax
import torch

from logreg_parity.show import machine

LIBRARIES = ("torch", "jax", "jaxlib", "optax", "numpy", "scipy", "scikit-learn", "scikit-learn-intelex", "numba")


def environment() -> dict:
    """Machine, devices, versions, threads, date and command."""
    return {
        **machine(),
        "devices": {"torch": _torch_devices(), "jax": [device.device_kind for device in jax.devices()]},
        "threads": {"torch": torch.get_num_threads(), "jax CPU devices": jax.device_count("cpu")},
        "versions": {name: version for name in LIBRARIES if (version := _version(name))},
        "command": shlex.join(["logreg-parity", *sys.argv[1:]]),
    }


def _torch_devices() -> list[str]:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return ["cpu", *(torch.cuda.get_device_name(number) for number in range(count))]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
