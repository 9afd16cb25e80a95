"""``logreg-parity check``: somebody's own torch module against their own JAX function."""

import argparse
from pathlib import Path

from .problem import positive

EXIT_STATUS = {"within": 0, "OUTSIDE": 1, "no promise": 3}

DESCRIPTION = """\
Hold a torch module and a JAX function together: loss, every gradient, directional
derivatives, Hessian-vector products and training steps, in float64 and float32, from the
torch module's parameters. Says where they differ first, and why. There is no tolerance."""

EPILOG = """\
TORCH is FILE.py:FUNCTION; the function takes nothing and returns a torch.nn.Module whose
forward(batch) is the loss, or (module, loss) with loss(module, batch).
JAX is the same; it returns loss(params, batch), or (loss, params).
The .npz is the batch, a dict from its names to its arrays. The mapping says where each
torch parameter stands in the JAX tree, for example
  {"fc.weight": {"path": "layers.0.w", "transpose": true}, "fc.bias": "layers.0.b"}
Both files are run: check only code that you trust.

exit status: 0 all is within what rounding can do; 1 the two differ; 2 the input or an
option is wrong; 3 they do not differ, but for some quantity nothing can be promised.

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
    top.add_argument("--steps", type=positive(int), default=3, metavar="K", help="training steps to compare (3)")
    top.add_argument("--step-size", type=positive(float), metavar="R", help="of those (moves parameters by some 1 %%)")
    top.add_argument("--seed", type=int, default=0, metavar="N", help="of the perturbations (0)")
    top.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="for both sides (cpu)")
    top.add_argument("--out", type=Path, default=Path("check"), metavar="FOLDER", help="for the report (check/)")
    return top


def run(options: argparse.Namespace) -> int:
    """Build, check, print, write; the exit status."""
    from ..ports.check import check
    from ..ports.files import jax_side, read_batch, read_params, torch_side
    from ..ports.report import explanation, table, write_check
    from ..show import screen

    if options.out.exists() and not options.out.is_dir():
        raise ValueError(f"--out is {options.out}, a file; give a folder")
    batch, params = read_batch(options.data), read_params(options.params) if options.params else None
    (model, torch_loss), (jax_loss, jax_params) = torch_side(options.torch), jax_side(options.jax)
    report = check(
        model,
        jax_loss,
        batch,
        params,
        torch_loss=torch_loss,
        jax_params=jax_params,
        steps=options.steps,
        learning_rate=options.step_size,
        seed=options.seed,
        device=options.device,
    )
    console = screen()
    console.print(table(report))
    console.print(f"\n{explanation(report)}\n")
    written = write_check(report, options.out)
    console.print(f"Written: {', '.join(map(str, written))}", soft_wrap=True)
    return EXIT_STATUS[report.verdict]
