"""``logreg-parity optimizers``: torch.optim in optax's words, and how far apart the two walk."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .problem import positive

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from ..show import Grid

DESCRIPTION = """\
Print every torch optimiser of the table with the optax expression that is the same
mathematics, or with the reason why there is none, and measure both: the largest distance
between the twins on the way, relative to the parameters, once with what one would write
in optax by the name alone and once after translation (200 x 5, float64)."""

EPILOG = """\
exit status: 0 every exact translation is within its rounding bound; 1 some one is not;
2 an option is wrong."""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity optimizers", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    top.add_argument("--steps", type=positive(int), default=100, metavar="T", help="steps of each (100)")
    top.add_argument("--json", type=Path, metavar="FILE", help="write the table there too")
    return top


def run(options: argparse.Namespace) -> int:
    """Measure, print, write; the exit status."""
    from tqdm import tqdm

    from .. import show
    from ..data.files import check_file
    from ..optimizers.translate import ROWS, measure

    if options.json:
        check_file("--json", options.json)
    measured = [
        measure(row, steps=options.steps) for row in tqdm(ROWS, "optimisers", disable=None, delay=1, leave=False)
    ]
    console = show.screen()
    console.print(_table(measured))
    for m in measured:
        t = m.translation
        lines = [m.row.title, t.torch, t.optax, f"{'exact' if t.exact else 'no exact translation'}: {t.note}"]
        lines += [_promise(dtype, move) for dtype, move in m.undetermined.items()]
        console.print("\n  ".join(lines) + "\n", soft_wrap=True)
    if options.json:
        _write(measured, options.steps, options.json)
        console.print(f"Written: {options.json}", soft_wrap=True)
    return 0 if all(m.share <= 1 for m in measured if m.translation.exact) else 1


def _promise(dtype: str, move: Any) -> str:
    """Whether rounding decides a move of the walk, in words."""
    if move is None:
        return f"{dtype}: the gradients' rounding leaves the sign of every move of weight and bias as it is"
    k = "the bias" if move.bias else f"weight {move.coordinate}"
    return (
        f"{dtype}: no promise from step {move.step} on: rounding decides the sign of the move of {k}, from "
        f"{move.low:.1e} to {move.high:.1e} learning rates; its gradient, {move.gradient:.1e}, is known to "
        f"{move.bound:.1e}, and is divided by the size of its like"
    )


def _table(measured: Sequence[Any]) -> "Grid":
    from .. import show

    title = "\nlargest distance on the way, relative to the parameters (and the largest share of the bound)"
    columns = ("by the name", "translated", "torch to exact", "optax to exact", "verdict")
    table = show.Grid(title, "", *columns, left=("verdict",))
    for m in measured:
        verdict = ("within" if m.share <= 1 else "OUTSIDE") if m.translation.exact else "not exact"
        share = f" ({100 * m.share:.1f} %)" if m.translation.exact else ""
        numbers = (m.same_name, m.translated, m.torch_to_exact, m.optax_to_exact)
        cells = ["-" if math.isnan(number) else f"{number:.1e}" for number in numbers]
        table.add_row(m.row.title, *cells, verdict + share)
    return table


def _write(measured: Sequence[Any], steps: int, path: Path) -> None:
    """As JSON, whole or not at all."""
    from ..data.files import write_whole
    from ..show import as_json

    rows = []
    for m in measured:
        numbers = {name: value for name, value in m._asdict().items() if isinstance(value, float)}
        moves = {dtype: move and move._asdict() for dtype, move in m.undetermined.items()}
        rows.append({**m.row._asdict(), **m.translation._asdict(), **numbers, "undetermined": moves})
    write_whole(path, as_json({"steps": steps, "rows": rows}))
