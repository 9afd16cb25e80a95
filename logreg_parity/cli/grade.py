"""``logreg-parity grade``: what learners handed in, exercise by exercise, and what a class gets wrong."""

import argparse
from pathlib import Path
from typing import Any

from .problem import add_language, positive

FILES = ("grades.json", "grades.csv")

DESCRIPTION = """\
Grade the lessons' exercises in files, notebooks, or folders of them. Each submission
runs in a process of its own, and of its code only what its exercises need."""

EPILOG = """\
exit status: 0 every exercise that was handed in is right; 1 some are not;
2 the input is wrong.

examples:
  logreg-parity grade homework.ipynb
  logreg-parity grade homework.py --json
  logreg-parity grade submissions/ --out grades/"""


def parser() -> argparse.ArgumentParser:
    """All options, with their help."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "logreg-parity grade", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    top.add_argument("work", nargs="+", type=Path, metavar="FILE|FOLDER", help=".py files, notebooks, folders of them")
    top.add_argument("--json", action="store_true", help="print everything as JSON")
    top.add_argument("--out", type=Path, metavar="FOLDER", help="write grades.json and grades.csv there")
    top.add_argument("--timeout", type=positive(float), default=120, metavar="S", help="seconds a submission (120)")
    add_language(top)
    return top


def run(options: argparse.Namespace) -> int:
    """Grade, print, write; the exit status."""
    from ..data.files import check_folder, write_folder
    from ..teach.submission import grade_submission, submissions

    if options.out:
        check_folder("--out", options.out, FILES)
    work = submissions(options.work)
    graded = [
        grade_submission(learner, path, lang=options.lang, timeout=options.timeout) for learner, path in work.items()
    ]
    as_json, as_csv = _json(graded), _csv(graded)
    if options.json:
        print(as_json, end="")
    elif len(graded) == 1:
        _print_one(graded[0])
    else:
        _print_class(graded)
    if options.out:
        write_folder(options.out, dict(zip(FILES, (as_json, as_csv), strict=True)))
    return 0 if all(one.passed for one in graded) else 1


def _json(graded: list) -> str:
    import json

    from ..teach.submission import causes

    mistakes = [{"exercise": e, "cause": cause, "learners": count} for e, cause, count in causes(graded)]
    content = {"submissions": [one._asdict() | {"passed": one.passed} for one in graded], "mistakes": mistakes}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _csv(graded: list) -> str:
    import csv
    import io

    text, names = io.StringIO(), _names(graded)
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["learner", *names, "passed", "failure"])
    for one in graded:
        by_name = {grade["exercise"]: int(grade["passed"]) for grade in one.grades}
        rows.writerow([one.learner, *(by_name.get(n, "") for n in names), sum(by_name.values()), one.failure or ""])
    return text.getvalue()


def _names(graded: list) -> list[str]:
    """The exercises that anybody handed in, in the lessons' order."""
    from ..teach.examine import NAMES

    handed_in = {grade["exercise"] for one in graded for grade in one.grades}
    return [name for name in NAMES if name in handed_in]


def _print_one(one: Any) -> None:
    from ..show import screen

    if one.failure:
        screen().print(f"{one.learner}: {one.failure}", soft_wrap=True)
    elif not one.grades:
        screen().print(f"{one.learner}: no exercise of the lessons is in it", soft_wrap=True)
    for grade in one.grades:
        screen().print(f"{grade['exercise']}: {grade['words']}", soft_wrap=True)


def _print_class(graded: list) -> None:
    from .. import show
    from ..teach.submission import causes

    names, console = _names(graded), show.screen()
    table = show.Grid("", "learner", *(str(k) for k in range(1, len(names) + 1)), "passed", prose=("passed",))
    for one in graded:
        by_name = {grade["exercise"]: grade for grade in one.grades}
        marks = ["" if name not in by_name else "✓" if by_name[name]["passed"] else "✗" for name in names]
        table.add_row(one.learner, *marks, one.failure or f"{marks.count('✓')} of {len(names)}")
    console.print(table)
    for number, name in enumerate(names, 1):
        console.print(f"  {number}  {name}")
    console.print()
    for exercise, cause, count in causes(graded):
        console.print(f"{count} × {exercise}: {cause}")
