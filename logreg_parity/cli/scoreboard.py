"""``logreg-parity scoreboard``: certified cases, fitted with whatever is installed."""

import argparse
from pathlib import Path

DESCRIPTION = """\
Fit real tables whose exact fit is certified with both twins and with what else is installed
(scikit-learn, statsmodels, glum), each at its default settings without a penalty. Print how
many digits are right, how long a fit takes, and who calls a separable case converged."""

EPILOG = """\
exit status: 0 the twins have converged on every case that has an optimum, and on no other;
1 they have not; 2 an option is wrong.

examples:
  logreg-parity scoreboard
  logreg-parity scoreboard --cases mtcars_am_wt iris_setosa --candidates logreg_torch"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity scoreboard", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    top.add_argument("--cases", nargs="+", metavar="NAME", help="certified cases (all whose tables are at hand)")
    top.add_argument("--candidates", nargs="+", metavar="NAME", help="whose fits (all that are installed)")
    top.add_argument("--out", type=Path, metavar="FILE", help="write the scores there too, as JSON")
    return top


def run(options: argparse.Namespace) -> int:
    """Fit, print, write; the exit status."""
    from tqdm import tqdm

    from ..data.certified import certified, certified_names
    from ..data.files import check_file, write_whole
    from ..judge.scoreboard import CANDIDATES, as_rows, installed, score, tables
    from ..show import as_json, screen

    if options.out:
        check_file("--out", options.out)
    here = installed()
    for name in options.candidates or ():
        if name not in here:
            known = f"it needs {CANDIDATES[name][0]}, which is missing" if name in CANDIDATES else "there is none"
            raise ValueError(f"--candidates names {name!r}: {known}; give some of {', '.join(here)}")
    cases, missing = [], []
    for name in options.cases or certified_names():
        try:
            cases.append(certified(name))
        except ValueError as error:
            if options.cases:
                raise
            missing.append(str(error))
    runs = [(*case, candidate) for case in cases for candidate in options.candidates or here]
    scores = [score(*one) for one in tqdm(runs, "fits", disable=None, delay=1, leave=False)]
    console = screen()
    for table in tables(scores, [known for _, known in cases]):
        console.print(table)
    for why in missing:
        console.print(f"left out: {why}", soft_wrap=True)
    if options.out:
        write_whole(options.out, as_json({"scores": as_rows(scores), "left out": missing}))
        console.print(f"Written: {options.out}", soft_wrap=True)
    finite = {known.name for _, known in cases if known.status == "finite"}
    ours = [row for row in scores if row.candidate in ("logreg_torch", "logreg_jax")]
    return 0 if all((row.said == "converged") == (row.case in finite) for row in ours) else 1
