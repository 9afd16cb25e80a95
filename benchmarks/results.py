"""A result: kept as JSON, shown as a table, compared with another of its kind."""

import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from logreg_parity.data.files import write_whole
from logreg_parity.processor import kind
from logreg_parity.show import as_json, duration

from . import BENCHMARKS
from .environment import environment

FORMAT = "logreg-parity benchmark"
FORMAT_VERSION = 1
INTRODUCTION = """\
# What was measured

Built by `logreg-parity bench` from the JSON files beside it. Compare ratios within one table, never across tables.
"""
SUMMARY = """\
# What holds on every processor

Built by `logreg-parity bench` from the results of every processor, each in a folder of its own: how many times as fast
as plain code of the same framework the twins are, each ratio within one table of one run. Below 1 plain code is faster.
Plain is eager code in PyTorch, and in JAX, whose eager code takes many times as long, `jax.jit`.
"""


def measure(name: str, size: str, notify: Callable[[str], None]) -> Iterator[dict]:
    """Run one benchmark at "tiny" or "full" size: the result as far as it has come, table by table, then whole.

    Each is ready for JSON: what is kept of a run that is cut short is not lost.
    """
    benchmark, start = load_benchmark(name), perf_counter()
    result = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "benchmark": name,
        "question": benchmark.QUESTION,
        "size": size,
        "environment": environment(),
        "whole": False,
        "took": 0.0,
        "rows": [],
    }
    for rows in benchmark.run(size, notify):
        result["rows"] += rows
        result["took"] = round(perf_counter() - start, 1)
        yield result
    result["whole"] = True
    yield result


def expected(name: str, size: str, folder: Path) -> str:
    """How long the benchmark took when the result in that folder was measured, in words."""
    path = folder / f"{name}.json"
    known = load(path) if path.exists() else {}
    if known.get("size") != size or not known.get("whole"):
        return "how long it takes is not known: the folder holds no whole result of this size"
    return f"the last time it took {duration(known['took'])}"


def load_benchmark(name: str):
    """The module of that benchmark. ValueError names those there are."""
    if name not in BENCHMARKS:
        raise ValueError(f"there is no benchmark {name!r}; give {', '.join(BENCHMARKS)}")
    return importlib.import_module(f".{name}", __package__)


def machine_name(about: dict) -> str:
    """Kind of processor and number of cores of a header, as the name of a folder."""
    return f"{kind(about['processor'], about['instruction sets'])}-{about['cores']}-cores"


def save(result: dict, folder: Path) -> Path:
    """Write NAME.json, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['benchmark']}.json"
    write_whole(path, as_json(result))
    return path


def load(path: Path) -> dict:
    """A result from its file. Raises ValueError where it is none."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); give a result of logreg-parity bench") from error
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise ValueError(f"{path} is not a benchmark's result; give a JSON file that logreg-parity bench wrote")
    if result.get("version") != FORMAT_VERSION:
        raise ValueError(f"{path} has version {result.get('version')}; this program reads {FORMAT_VERSION}")
    return result


def case(row: dict) -> tuple:
    """What a row is of: everything but what was measured."""
    return tuple(value for key, value in row.items() if key in CASE)


CASE = ("candidate", "data", "n_rows", "n_features", "dtype", "device")


def ratios(a: dict, b: dict) -> list[tuple[str, float, float]]:
    """Of the rows that both have: what it is of, the median seconds of a, and how many times as long b took.

    Raises ValueError where the two are of different benchmarks or share no row.
    """
    if a["benchmark"] != b["benchmark"]:
        raise ValueError(f"one result is of {a['benchmark']}, the other of {b['benchmark']}; give two of one benchmark")
    known = {case(row): row["seconds"]["median"] for row in b["rows"] if row.get("seconds")}
    found = [
        (" · ".join(map(str, case(row))), row["seconds"]["median"], known[case(row)] / row["seconds"]["median"])
        for row in a["rows"]
        if row.get("seconds") and case(row) in known
    ]
    if not found:
        raise ValueError("the two results share no row; they were measured at different sizes")
    return found


def environment_line(result: dict) -> str:
    """Machine, versions, threads and date, in one line."""
    about = result["environment"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    devices = ", ".join(dict.fromkeys([*about["devices"]["torch"], *about["devices"]["jax"]]))
    return f"{about['processor']}, {about['cores']} cores; devices {devices}; {versions}; {about['date']}"


def markdown(result: dict) -> str:
    """The result as a section of a page."""
    benchmark = load_benchmark(result["benchmark"])
    lines = [f"## {result['benchmark'].capitalize()}: {result['question']}", ""]
    lines += tables(benchmark.tables(result["rows"]))
    lines += [f"![{result['benchmark']}]({result['benchmark']}.png)", ""]
    lines += [f"`{result['environment']['command']}` on {environment_line(result)}", ""]
    return "\n".join(lines)


def tables(found: dict[str, list[tuple[str, ...]]]) -> list[str]:
    """The lines of Markdown tables: heading and rows by title."""
    lines = []
    for title, rows in found.items():
        heading, *rest = ([cell.replace("|", "\\|") for cell in row] for row in rows)
        lines += [f"**{title}**", "", f"| {' | '.join(heading)} |", f"|{'---|' * len(heading)}"]
        lines += [*(f"| {' | '.join(row)} |" for row in rest), ""]
    return lines


def summary(folder: Path) -> str:
    """What holds on every processor that has a folder here: a page of one table, the gradient's.

    Raises ValueError for a file that is no result.
    """
    by_processor = {path.parent.name: load(path)["rows"] for path in sorted(folder.glob("*/gradient.json"))}
    found = load_benchmark("gradient").against_plain(by_processor)
    return "\n".join([SUMMARY, *tables({"One value and gradient: by the framework's products / by the kernel": found})])


def page(folder: Path) -> str:
    """All results of a folder as one Markdown page; no table is typed by hand."""
    results = [load(folder / f"{name}.json") for name in BENCHMARKS if (folder / f"{name}.json").exists()]
    return "\n".join([INTRODUCTION, *map(markdown, results)])
