"""A passport: what the backends of this machine do with numbers. ``probes.py`` asks; here the answers are kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..data.files import write_whole
from ..show import as_json, machine
from ..twins import Twin, load_part, load_twin
from .probes import PROBES, Bench

FORMAT = "logreg-parity passport"
FORMAT_VERSION = 1
DTYPES = ("float32", "float64")


def issue(names: list[str], device: str = "cpu") -> dict:
    """The passport of this machine, ready for JSON: every probe of every twin in every dtype and mode.

    Args:
        names: of the twins' modules.
        device: where they compute.

    Raises:
        ValueError: for a twin that has no probes, or does not see the device.
    """
    backends = {name: load_backend(name, device) for name in names}
    benches = {
        (name, f"{dtype}, {mode}"): Bench(twin, probes, dtype, device, mode)
        for name, (twin, probes) in backends.items()
        for dtype in DTYPES
        for mode in probes.MODES
    }
    found: dict[str, dict] = {
        name: {"versions": twin.versions(), "device": probes.describe(device), "threads": probes.threads(), "found": {}}
        for name, (twin, probes) in backends.items()
    }
    for (name, place), bench in tqdm(benches.items(), "passport", disable=None, delay=1, leave=False):
        found[name]["found"][place] = {title: probe(bench) for title, probe in PROBES.items()}
    for name, (twin, probes) in backends.items():
        found[name]["switched"] = {
            dtype: {
                title: {"mode": mode, "answer": PROBES[title](Bench(twin, probes, dtype, device, mode))}
                for title, mode in getattr(probes, "SWITCHES", {}).items()
            }
            for dtype in DTYPES
        }
    return {"format": FORMAT, "version": FORMAT_VERSION, "machine": machine(device), "twins": found}


def load_backend(name: str, device: str) -> tuple[Twin, Any]:
    """The twin of that name and its probes. Raises ValueError where there are none, or it does not see the device."""
    twin = load_twin(name)
    if device not in twin.devices():
        raise ValueError(f"--device is {device!r}; {name} sees {', '.join(twin.devices())}")
    try:
        return twin, load_part(name, "bridge.probes")
    except ImportError as error:
        raise ValueError(
            f"{name} cannot be asked ({error}); give it a module like logreg_torch.bridge.probes"
        ) from error


def save(passport: dict, path: Path) -> None:
    """As JSON, whole or not at all."""
    write_whole(path, as_json(passport))


def load(path: Path) -> dict:
    """A passport from its file. Raises ValueError where it is none."""
    try:
        passport = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); give a passport.json of logreg-parity passport") from error
    if not isinstance(passport, dict) or passport.get("format") != FORMAT:
        raise ValueError(f"{path} is not a passport; give a passport.json of logreg-parity passport")
    if passport.get("version") != FORMAT_VERSION:
        raise ValueError(f"{path} has version {passport.get('version')}; this program reads {FORMAT_VERSION}")
    return passport


def differences(a: dict, b: dict) -> list[tuple[str, Any, Any]]:
    """(what, in a, in b) of everything in which two passports differ but the date; None where one has no such entry."""
    one, other = (dict(_leaves(passport)) for passport in (a, b))
    names = [name for name in {**one, **other} if name != "machine: date"]
    return [(name, one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)]


def _leaves(tree: dict, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, name))
        else:
            yield ": ".join((*path, name)), value


def table(passport: dict, dtype: str) -> tuple[list[str], list[list[str]]]:
    """The heading and the rows of one dtype: a probe a row, a twin and mode a column."""
    columns = {
        f"{name} {place.removeprefix(f'{dtype}, ')}": entries
        for name, twin in passport["twins"].items()
        for place, entries in twin["found"].items()
        if place.startswith(f"{dtype},")
    }
    titles = dict.fromkeys(title for entries in columns.values() for title in entries)
    rows = [[title, *(shown(entries.get(title)) for entries in columns.values())] for title in titles]
    return ["", *columns], rows


def switch_title(dtype: str) -> str:
    """Above the table of ``switches``."""
    return f"{dtype}, with one thing switched"


def switches(passport: dict, dtype: str) -> tuple[list[str], list[list[str]]]:
    """The heading and the rows of what a switch does in one dtype: the answer as it comes, the switch, and then."""
    rows = [
        [
            title,
            name,
            shown(twin["found"][f"{dtype}, {one['mode'].split()[0]}"][title]),
            one["mode"],
            shown(one["answer"]),
        ]
        for name, twin in passport["twins"].items()
        for title, one in twin["switched"][dtype].items()
    ]
    return ["", "", "as it comes", "", "then"], rows


def shown(value: Any) -> str:
    """A finding in a cell: an error in ulps as the largest, (the mean), and the logit of the largest."""
    if isinstance(value, dict):
        return f"{value['largest']:.2f} ({value['mean']:.2f}) at {value['at']:.2g}"
    return "-" if value is None else str(value)


def about(passport: dict) -> list[str]:
    """Whose passport it is: the machine, the date, the versions and threads, a line each."""
    lines = [f"{name}: {value}" for name, value in _leaves(passport["machine"])]
    for name, twin in passport["twins"].items():
        versions = ", ".join(f"{what} {version}" for what, version in twin["versions"].items())
        threads = "no switch for threads" if twin["threads"] is None else f"threads: {twin['threads']}"
        lines.append(f"{name}: {versions}; {twin['device']}; {threads}")
    return lines


def markdown(passport: dict) -> str:
    """The passport as a page."""
    lines = ["# Passport", "", *(f"- {line}" for line in about(passport))]
    for dtype in DTYPES:
        for title, (heading, rows) in (
            (dtype, table(passport, dtype)),
            (switch_title(dtype), switches(passport, dtype)),
        ):
            lines += ["", f"## {title}", "", "| " + " | ".join(heading) + " |", "|---" * len(heading) + "|"]
            lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(
        [*lines, "", "Errors in ulps: the largest, in brackets the mean, and the logit of the largest.", ""]
    )
