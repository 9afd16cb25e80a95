"""A browser for the checks of the explorer: Chromium of the system, or Playwright's own, without any network."""

import os
import shutil
from contextlib import contextmanager

import pytest

REQUIRED = os.environ.get("LOGREG_REQUIRE_BROWSER") == "1"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@contextmanager
def browser():
    """Chromium by Playwright. Where there is none the check is skipped, or fails if LOGREG_REQUIRE_BROWSER is 1."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        _missing("Playwright is not installed")
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=_system_chromium(), args=OPTIONS)
        except Error as error:
            _missing(f"no Chromium could be started ({error.message.splitlines()[0]})")
        yield chromium
        chromium.close()


def _system_chromium() -> str | None:
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None)


def _missing(reason: str):
    if REQUIRED:
        pytest.fail(f"{reason}, and LOGREG_REQUIRE_BROWSER is 1")
    pytest.skip(f"{reason}; install the group dev of pyproject.toml, and a Chromium")


class Explorer:
    """The page in a tab of its own; everything it complains of or asks the network for is kept."""

    def __init__(self, chromium, path, fragment="", **options):
        self.context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        self.tab = self.context.new_page()
        self.complaints, self.requests = [], []
        self.tab.on("console", lambda message: self.complaints.append(message.text))
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.address = path.as_uri()
        self.open(fragment)

    def open(self, fragment=""):
        """Load the page anew, with that hash."""
        self.tab.goto("about:blank")
        self.tab.goto(self.address + (f"#{fragment}" if fragment else ""))
        self.settle()

    def settle(self):
        """Wait until the page has taken all steps and painted its surface."""
        self.tab.evaluate("logreg.settled()")

    def ask(self, expression, argument=None):
        """The value of a JavaScript expression or function."""
        return self.tab.evaluate(expression, argument)

    def wait(self, condition):
        """Wait until a JavaScript expression is true; fail if it never is."""
        for _ in range(1000):
            if self.ask(condition):
                return
            self.tab.wait_for_timeout(20)
        pytest.fail(f"{condition} did not become true")

    def setting(self, name):
        """One field of the setting."""
        return self.ask("(name) => logreg.session.setting[name]", name)

    def text(self, selector):
        """What stands in an element."""
        return self.tab.locator(selector).inner_text()

    def enter(self, selector, value):
        """Do what a person does with an input of that kind."""
        element = self.tab.locator(selector).first
        kind = element.evaluate("(e) => e.type")
        if kind == "checkbox":
            element.set_checked(value)
        elif kind == "select-one":
            element.select_option(value)
        else:
            element.fill(value)
            element.press("Enter")
        self.settle()
