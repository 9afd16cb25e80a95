"""The pytest fixture ``assert_parity``: a failure prints the table, the first difference and its cause.

pytest loads this in every run where the package is installed, so neither framework is imported before a test asks.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from .arrays import UnfitError


@pytest.fixture(scope="session")
def assert_parity() -> Callable[..., Any]:
    """``assert_parity(torch_model, jax_loss, batch, params=...)`` with the arguments of ``logreg_parity.check``.

    Fails where the two differ, where nothing can be promised, and where they cannot be checked. Returns the report.
    """

    def hold_together(
        torch_model: Any,
        jax_loss: Callable[[Any, Any], Any],
        batch: Any,
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        from .check import check

        try:
            report = check(torch_model, jax_loss, batch, params, **options)
        except UnfitError as error:
            message = f"The two cannot be held together: {error}"
        else:
            if report.verdict == "within":
                return report
            message = f"{report.names[0]} to {report.names[1]}: {report.verdict}\n{report}"
        pytest.fail(message, pytrace=False)

    return hold_together
