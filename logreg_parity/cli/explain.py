"""``logreg-parity explain``: where two recorded runs part, and why."""

import argparse
from pathlib import Path

EXIT_STATUS = {"agree": 0, "part": 1, "no promise": 3}

DESCRIPTION = """\
Hold two traces (logreg-parity record) side by side: name the first step and stage at
which they differ by more than rounding can explain, the run that made the error there,
and the likely cause with its evidence."""

EPILOG = """\
exit status: 0 the runs agree within their bounds; 1 they part; 2 a file or an option is
wrong, or the runs are of different problems; 3 they do not part, but nothing can be
promised.

example:
  logreg-parity explain torch.npz jax.npz --json why.json"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity explain", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    top.add_argument("traces", type=Path, nargs=2, metavar="FILE", help="a trace that `logreg-parity record` wrote")
    top.add_argument("--json", type=Path, metavar="FILE", help="write the explanation there too")
    return top


def run(options: argparse.Namespace) -> int:
    """Load, explain, print; the exit status."""
    from ..data.files import check_file, write_whole
    from ..explain.multiclass import MulticlassTrace, explain_multiclass
    from ..explain.multiclass import verdict as said
    from ..explain.parting import explain
    from ..explain.report import table, to_json, verdict
    from ..explain.trace import Trace
    from ..show import as_json, screen

    if options.json:
        check_file("--json", options.json)
    paths = [str(path) for path in options.traces]
    names = (paths[0], paths[1]) if paths[0] != paths[1] else (f"{paths[0]} (1)", f"{paths[1]} (2)")
    one, other = (MulticlassTrace.load(path) for path in options.traces)
    if one and other:
        found = explain_multiclass(one, other, names)
        screen().print(said(found), soft_wrap=True)
        if options.json:
            write_whole(options.json, as_json(found._asdict()))
        return EXIT_STATUS[found.verdict]
    if one or other:
        raise ValueError("one trace is of two classes and the other of more; give two of one problem")
    first, second = (Trace.load(path) for path in options.traces)
    explanation = explain(first, second, names)
    console = screen()
    for name, trace in zip(names, (first, second), strict=True):
        ran = trace.ran
        console.print(f"{name}: {ran.twin}, {ran.dtype} on {ran.device}, {trace.steps} steps")
    console.print(f"\n{verdict(explanation)}")
    if explanation.rows:
        console.print(table(explanation))
    console.print(f"{explanation.cause}")
    if options.json:
        write_whole(options.json, to_json(explanation))
    return EXIT_STATUS[explanation.verdict]
