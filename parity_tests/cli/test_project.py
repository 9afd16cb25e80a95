"""What stands in more than one file of the project is the same in each: versions, dates, packages, rooms."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from logreg_parity import __version__
from parity_tests.pages import ROOT, blocks

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_one_version_and_one_date():
    cited = dict(re.findall(r"^(version|date-released): (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE))
    released = re.findall(r"^## \[(\d\S*)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == (cited["version"], cited["date-released"])
    assert __version__ == cited["version"]


def packages() -> list[Requirement]:
    """Every package that is asked for by name, but for those that only a GPU needs."""
    extras = {name: wanted for name, wanted in PYPROJECT["project"]["optional-dependencies"].items() if name != "cuda"}
    groups = PYPROJECT["dependency-groups"]
    lines = [PYPROJECT["project"]["dependencies"], *extras.values(), *groups.values()]
    found = (Requirement(line) for wanted in lines for line in wanted)
    return [package for package in found if package.name != PYPROJECT["project"]["name"]]


@pytest.mark.parametrize("package", packages(), ids=lambda package: package.name)
def test_ci_names_a_version_of_every_package_that_is_allowed(package):
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert pinned[canonicalize_name(package.name)] in package.specifier


def long_description(readme: str) -> str:
    """The README as the wheel carries it."""
    for change in PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        readme = re.sub(change["pattern"], change["replacement"], readme)
    return readme


def relative(page: str) -> list[str]:
    """Where links and pictures lead that mean a file beside the page, or a place in it."""
    prose = re.sub(r"^```.*?^```$", "", page, flags=re.DOTALL | re.MULTILINE)
    targets = re.findall(r"\]\(([^)]+)\)|(?:src|href|srcset)=\"([^\"]+)\"", prose)
    return [target for pair in targets for target in pair if target and not target.startswith("http")]


def test_the_wheels_description_has_no_dead_link():
    shown = long_description(README)
    assert relative(README) and not relative(shown)
    assert not re.search(r"^!(?!\[)", shown, re.MULTILINE)  # half a picture
    assert [block.body for block in blocks(shown)] == [block.body for block in blocks(README)]


def test_the_rooms_of_the_house_are_those_there_are():
    tree = (ROOT / "CONTRIBUTING.md").read_text().partition("logreg_parity/  ")[2].partition("\nlogreg_torch/")[0]
    rooms = re.findall(r"^  (\w+)/", tree, re.MULTILINE)
    assert sorted(rooms) == sorted(path.parent.name for path in (ROOT / "logreg_parity").glob("*/__init__.py"))
