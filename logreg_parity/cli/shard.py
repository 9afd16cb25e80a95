"""``logreg-parity shard``: rows in files as a folder of shards, for many processes to share."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .problem import positive

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from ..solvers.stream import Stream

DESCRIPTION = """\
Write rows as a folder of shards with a manifest that knows each by a digest: .npy files,
.npz archives, or .parquet tables with columns x1, x2, ..., y. They come from X.npy and y.npy,
from an .npz with X and y, from .parquet tables of numbers, one after the other, or from
another folder of shards. Nothing is held but one shard. A fit takes the folder with
--stream, alone or in a job of several processes."""

EPILOG = """\
exit status: 0 written; 2 a file or an option is wrong.

examples:
  logreg-parity shard X.npy y.npy --out shards/
  logreg-parity shard rows.npz --rows 100000 --format parquet --out shards/
  logreg-parity shard part-0.parquet part-1.parquet --label sold --out shards/"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity shard", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    top.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="X.npy y.npy; an .npz with X and y, not compressed; .parquet tables; or a folder of shards",
    )
    top.add_argument("--label", metavar="COLUMN", help="of .parquet tables, which have the features in the others (y)")
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

    check_folder("--out", options.out)
    stream = _stream(options)
    write_shards(stream, options.out, options.format)
    shards = f"{stream.n_blocks} shard{'s' * (stream.n_blocks > 1)} of {stream.rows_per_block:,} rows"
    screen().print(f"Written: {options.out}, {shards} and the manifest", soft_wrap=True)
    return 0


def _stream(options: argparse.Namespace) -> "Stream":
    """The rows that the files have, cut as is asked."""
    from ..solvers.shards import open_shards, open_tables
    from ..solvers.stream import Stream, open_stream

    files: list[str] = options.files
    tables = [name for name in files if name.lower().endswith(".parquet")]
    if tables and tables == files:
        return open_tables(files, options.label or "y", rows_per_block=options.rows)
    if options.label:
        raise ValueError(f"--label {options.label} is a column of .parquet tables; give those alone, or leave it out")
    if len(files) > 2 or tables:
        raise ValueError(
            f"{' '.join(files)} came; give X.npy y.npy, one .npz, .parquet tables, or one folder of shards"
        )
    if len(files) == 1 and Path(files[0]).is_dir():
        there = open_shards(files[0])
        if options.rows in (0, there.rows_per_block):
            return there
        for _ in there:  # of the blocks that it is cut into now the manifest has no digests
            pass
        return Stream(there.X, there.y, there.source, options.rows)
    return open_stream(*files, rows_per_block=options.rows)
