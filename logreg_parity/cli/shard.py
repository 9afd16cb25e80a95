"""``logreg-parity shard``: rows in files as a folder of shards, for many processes to share."""

import argparse
from pathlib import Path

from .problem import positive

DESCRIPTION = """\
Write the rows of X.npy and y.npy, or of an .npz with X and y, as a folder of shards with a
manifest that knows each by a digest: .npy files, .npz archives, or .parquet tables with
columns x1, x2, ..., y. Nothing is held but one shard. A fit takes the folder with --stream,
alone or in a job of several processes."""

EPILOG = """\
exit status: 0 written; 2 a file or an option is wrong.

examples:
  logreg-parity shard X.npy y.npy --out shards/
  logreg-parity shard rows.npz --rows 100000 --format parquet --out shards/"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity shard", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    top.add_argument("files", nargs="+", metavar="FILE", help="X.npy y.npy, or an .npz with X and y, not compressed")
    top.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder")
    top.add_argument("--rows", type=positive(int), default=0, metavar="N", help="in a shard (as many as have 64 MiB)")
    top.add_argument(
        "--format", choices=("npy", "npz", "parquet"), default="npy", help="of the shards; parquet needs pyarrow (npy)"
    )
    return top


def run(options: argparse.Namespace) -> int:
    """Read, write, say so; the exit status."""
    from ..data.files import check_folder
    from ..show import screen
    from ..solvers.shards import write_shards
    from ..solvers.stream import open_stream

    if len(options.files) > 2:
        raise ValueError(f"{len(options.files)} files came; give X.npy y.npy, or one .npz")
    check_folder("--out", options.out)
    stream = open_stream(*options.files, rows_per_block=options.rows)
    write_shards(stream, options.out, options.format)
    shards = f"{stream.n_blocks} shard{'s' * (stream.n_blocks > 1)} of {stream.rows_per_block:,} rows"
    screen().print(f"Written: {options.out}, {shards} and the manifest", soft_wrap=True)
    return 0
