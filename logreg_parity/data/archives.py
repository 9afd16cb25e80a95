"""Arrays in an NPZ file, read with the checksums that it keeps of them.

NumPy compares a checksum only where an array is as long as its member; a damaged header may make it shorter.
"""

import zipfile
from io import BytesIO

import numpy as np


def read_npz(content: bytes) -> dict[str, np.ndarray]:
    """All arrays of an NPZ file by name, each member read whole.

    Args:
        content: the bytes of the file.

    Raises:
        ValueError: for what is no archive, a member whose checksum is another, and one that is no single array.
    """
    arrays: dict[str, np.ndarray] = {}
    name = None
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                member = BytesIO(archive.read(entry))
                array = np.lib.format.read_array(member, allow_pickle=False)
                if name in arrays or member.read(1):
                    raise ValueError("it is there twice" if name in arrays else "more follows the array")
                arrays[name] = array
    except Exception as error:  # a damaged archive fails in many ways: BadZipFile, zlib.error, NotImplementedError, ...
        raise ValueError(f"array {name!r} cannot be read ({error!r})") from error
    return arrays
