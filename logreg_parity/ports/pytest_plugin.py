"""The pytest fixture ``assert_parity``, and ``pytest --parity`` without a file of tests.

A failure prints the table, the first difference and its cause. pytest loads this in every run where the package is
installed, so neither framework is imported before a test asks.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from .arrays import UnfitError


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a run without a file of tests."""
    group = parser.getgroup("parity", "two programs held together (logreg-parity)")
    builders = ("FIRST", "SECOND")
    group.addoption(
        "--parity", nargs=2, metavar=builders, help="FILE.py:FUNCTION of each program, as logreg-parity check"
    )
    group.addoption("--parity-data", type=Path, metavar="FILE", help="the batch, an .npz")
    group.addoption("--parity-map", type=Path, metavar="FILE", help="the mapping, .json or .toml")


def pytest_configure(config: pytest.Config) -> None:
    """Raises UsageError where --parity comes without a batch."""
    if config.getoption("parity") and not config.getoption("parity_data"):
        raise pytest.UsageError("--parity is given without --parity-data; give the batch, an .npz")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """One more test, where --parity asks for it."""
    if config.getoption("parity"):
        items.append(ParityItem.from_parent(session, name=" against ".join(config.getoption("parity"))))


class ParityItem(pytest.Item):
    """Two programs that have to be one function."""

    def runtest(self) -> None:
        """Build both, and hold them together."""
        from .files import first_side, read_batch, read_params, second_side

        option = self.config.getoption
        first, second = option("parity")
        try:
            batch = read_batch(option("parity_data"))
            params = read_params(option("parity_map")) if option("parity_map") else None
            programs = first_side(first), second_side(second)
        except (UnfitError, OSError) as error:
            pytest.fail(f"The two cannot be held together: {error}", pytrace=False)
        _hold_together(*programs, batch, params)

    def reportinfo(self) -> tuple[Path, None, str]:
        """What a report calls it."""
        return Path.cwd(), None, f"parity: {self.name}"


@pytest.fixture(scope="session")
def assert_parity() -> Callable[..., Any]:
    """``assert_parity(first, second, batch, params=...)`` with the arguments of ``logreg_parity.check``.

    Fails where the two differ, where nothing can be promised, and where they cannot be checked. Returns the report.
    """
    return _hold_together


def _hold_together(first: Any, second: Any, batch: Any, params: Mapping[str, Any] | None = None, **options: Any) -> Any:
    from .check import check

    try:
        report = check(first, second, batch, params, **options)
    except UnfitError as error:
        message = f"The two cannot be held together: {error}"
    else:
        if report.verdict == "within":
            return report
        message = f"{report.names[0]} to {report.names[1]}: {report.verdict}\n{report}"
    return pytest.fail(message, pytrace=False)
