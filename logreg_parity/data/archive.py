"""Arrays out of an .npz, each read to its last byte: only then is it held to the checksum that the file keeps of it."""

import io
import zipfile

import numpy as np


def read_arrays(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of an .npz by name, in the order of the file; ``numpy.load`` reads as far as a header says.

    Args:
        content: the whole file.

    Returns:
        The arrays; what is no array of NumPy's is one number of bytes.

    Raises:
        ValueError: for what is no zip archive, is damaged, or holds objects, which would have to be unpickled; with
            the name of the array.
    """
    arrays: dict[str, np.ndarray] = {}
    name = None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_covered(archive, content)
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                if name in arrays:
                    raise ValueError("the archive holds it twice")
                arrays[name] = _array(archive.read(entry))
    except Exception as error:  # a damaged archive fails in many ways: BadZipFile, zlib.error, KeyError, ...
        what = "the archive" if name is None else f"array {name!r}"
        raise ValueError(f"{what} cannot be read ({error!r}); save numbers or text") from error
    return arrays


def _check_covered(archive: zipfile.ZipFile, content: bytes) -> None:
    """Raises ValueError where bytes of the file belong to no array: a damaged directory would leave it out unseen.

    APPNOTE.TXT, 4.3.7: an array stands behind a header of 30 bytes, a name and an extra field, whose lengths it gives;
    less than another such header may lie between two, where an archive was written without going back.
    """
    end = 0
    for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
        first = entry.header_offset
        if first - end >= HEADER:
            break
        lengths = content[first + 26 : first + HEADER]
        end = first + HEADER + sum(int.from_bytes(part, "little") for part in (lengths[:2], lengths[2:]))
        end += entry.compress_size
    else:
        if archive.start_dir - end < HEADER:
            return
    raise ValueError(f"its directory leaves out what stands at byte {end}")


HEADER = 30


def _array(data: bytes) -> np.ndarray:
    if not data.startswith(np.lib.format.MAGIC_PREFIX):
        return np.asarray(data)
    file = io.BytesIO(data)
    array = np.lib.format.read_array(file, allow_pickle=False)
    if file.read(1):
        raise ValueError("more bytes than its shape has room for")
    return array
