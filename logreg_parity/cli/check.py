"""``logreg-parity check``: somebody's own two programs, most often a torch module and a JAX function."""

import argparse
import json
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from .problem import positive, seed

if TYPE_CHECKING:  # what is heavy is loaded when a command runs
    from collections.abc import Callable

    from rich.console import Console

EVERY = 5  # seconds between two words about the progress

EXIT_STATUS = {"within": 0, "OUTSIDE": 1, "no promise": 3, "library": 3}

DESCRIPTION = """\
Hold two programs together, a torch module and a JAX function or any two: loss, every
gradient, directional derivatives, Hessian-vector products, training steps and the state
after a pass, in float64 and float32, at the parameters of the first; and their exact
values. Says where they differ first, and why. There is no tolerance."""

EPILOG = """\
TORCH is FILE.py:FUNCTION; the function takes nothing and returns a torch.nn.Module whose
forward(batch) is the loss, or (module, loss) with loss(module, batch).
JAX is the same; it returns loss(params, batch), or (loss, params). Either may build a
program of the other framework, or a logreg_parity.ForeignProgram.
The .npz is the batch, a dict from its names to its arrays. The mapping says where each
torch parameter stands in the JAX tree, for example
  {"fc.weight": {"path": "layers.0.w", "transpose": true}, "fc.bias": "layers.0.b"}
Without one names are paths; where JAX gives params, the mapping is inferred and shown.
Both files are run: check only code that you trust.

exit status: 0 all is within what rounding can do; 1 the two differ; 2 the input or an
option is wrong; 3 they do not differ, but for some quantity nothing can be promised,
or a function of a library is off, and not the port.

example:
  logreg-parity check my_torch.py:build my_jax.py:build --data batch.npz --params map.json"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity check", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    top.add_argument("torch", metavar="TORCH", help="FILE.py:FUNCTION that builds the torch side")
    top.add_argument("jax", metavar="JAX", help="FILE.py:FUNCTION that builds the JAX side")
    top.add_argument("--data", type=Path, required=True, metavar="FILE", help="the batch, an .npz")
    top.add_argument("--params", type=Path, metavar="FILE", help="the mapping, .json or .toml (names are paths)")
    top.add_argument("--write-map", type=Path, metavar="FILE", help="write the mapping that was used, .json")
    top.add_argument("--steps", type=positive(int), metavar="K", help="training steps to compare (3; large models: 0)")
    top.add_argument("--samples", type=positive(int), metavar="K", help="neighbours, at least 4 (16; large models: 4)")
    top.add_argument("--step-size", type=positive(float), metavar="R", help="of those (moves parameters by some 1 %%)")
    top.add_argument("--seed", type=seed, default=0, metavar="N", help="of the perturbations (0)")
    top.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="for both sides (cpu)")
    top.add_argument("--out", type=Path, default=Path("check"), metavar="FOLDER", help="for the report (check/)")
    return top


def run(options: argparse.Namespace) -> int:
    """Build, check, print, write; the exit status."""
    from ..data.files import check_file, check_folder, write_whole
    from ..ports.check import check
    from ..ports.files import first_side, read_batch, read_params, second_side
    from ..ports.report import FILES, explanation, table, write_check
    from ..show import screen

    check_folder("--out", options.out, FILES)
    if options.write_map:
        check_file("--write-map", options.write_map)
    batch, params = read_batch(options.data), read_params(options.params) if options.params else None
    report = check(
        first_side(options.torch),
        second_side(options.jax),
        batch,
        params,
        steps=options.steps,
        learning_rate=options.step_size,
        seed=options.seed,
        device=options.device,
        samples=options.samples,
        say=_progress(screen(stderr=True)),
    )
    console = screen()
    console.print(table(report))
    console.print(f"\n{explanation(report)}\n")
    written = write_check(report, options.out)
    if options.write_map:
        write_whole(options.write_map, json.dumps(report.mapping, indent=1, ensure_ascii=False) + "\n")
        written.append(options.write_map)
    console.print(f"Written: {', '.join(map(str, written))}", soft_wrap=True)
    return EXIT_STATUS[report.verdict]


def _progress(console: "Console") -> "Callable[[str], None]":
    """Says on a terminal what is being done, a line every few seconds."""
    start = last = monotonic()

    def say(what: str) -> None:
        nonlocal last
        now = monotonic()
        if console.is_terminal and now - last > EVERY:
            last = now
            console.print(f"· {now - start:.0f} s: {what}", style="dim")

    return say
