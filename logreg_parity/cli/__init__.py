"""The command line: ``logreg-parity [COMMAND] ...``, one module a command.

A command's module has ``parser()`` and ``run(options)``, the exit status. Nothing heavy is imported before a command
runs: the twins bring their frameworks only when they are loaded.
"""

import importlib
import sys

COMMANDS = {
    "compare": "train twins on the same data and judge every number (the default)",
    "fit": "the optimum by each twin, with a proof of how near it is",
    "scoreboard": "certified fits: right digits of both twins and of what else is installed",
    "record": "run one twin and store every step",
    "explain": "say where two stored runs part, and why",
    "check": "your own torch module against your own JAX function",
    "grade": "what learners handed in: exercises of the lessons, one file or a class",
    "museum": "faults people make, what the judge says of each, and its own score",
    "gradients": "every way to a gradient against the exact one, and what gradient checkers notice",
    "optimizers": "torch.optim in optax's words, and how far apart the two walk",
    "bench": "measure steps, gradients, solvers, devices, growth",
    "explore": "a page to play with: data, curve, loss surface, every step",
    "hash": "one run in exact arithmetic by every backend at hand: the same bits?",
    "passport": "what the backends of this machine do with numbers",
    "sidebyside": "both twins' source on one page, differences marked and explained",
}

FRAMEWORKS = ("torch", "jax", "jaxlib", "optax")
"""What a command may find missing. A twin that misses it is told apart before (``twins.load_twin``)."""


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    if "" not in sys.path:
        sys.path.append("")  # a module of the user's in the working folder, after all that is installed
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments.pop(0) if arguments and not arguments[0].startswith("-") else "compare"
    if name not in COMMANDS:
        print(f"logreg-parity: there is no command {name!r}; give {' or '.join(COMMANDS)}", file=sys.stderr)
        return 2
    command = importlib.import_module(f".{name}", __package__)
    options = command.parser().parse_args(arguments)
    from ..truth.oracle import OracleError

    try:
        return command.run(options)
    except (ValueError, OSError, OracleError) as error:
        from ..show import shown

        print(f"logreg-parity: {shown(str(error), chr(10))}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name not in FRAMEWORKS:
            raise
        print(f"logreg-parity: {name} needs {error.name}, which is missing; pip install {error.name}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("logreg-parity: interrupted; nothing was written", file=sys.stderr)
        return 130
