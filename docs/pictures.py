"""The pictures of docs/: ``python docs/pictures.py [NAME ...]`` makes all, or those named.

Each carries, as the text "made from" of its PNG, the fingerprint of the files that draw it. A test compares that with
the files as they are, so that a picture of what no longer is does not stay. ``explorer`` needs Playwright and a
Chromium, ``difference`` is of the main job, which takes a minute; ``functions`` is of the rows that are kept.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from PIL import Image, PngImagePlugin

ROOT = Path(__file__).parent.parent
WEB = "logreg_parity/teach/explore/web"
EXPLORER = "data=bernoulli&optimizer=momentum&w=-2&b=-4&lr=0.1&steps=200&view=10"
SOURCES = {
    "explorer": [f"{WEB}/{name}" for name in ("*.js", "*.html", "*.css", "text.en.json")],
    "difference": ["logreg_parity/judge/figures.py"],
    "functions": [f"logreg_parity/machine/functions.{kind}" for kind in ("py", "json")],
}


def fingerprint(name: str) -> str:
    """SHA-256 over the setting of the explorer and the files that draw a picture."""
    paths = sorted(path for pattern in SOURCES[name] for path in ROOT.glob(pattern))
    return hashlib.sha256(b"\0".join([EXPLORER.encode(), *(path.read_bytes() for path in paths)])).hexdigest()


def made_from(name: str) -> str:
    """The fingerprint that a picture carries."""
    with Image.open(ROOT / "docs" / f"{name}.png") as picture:
        return picture.info.get("made from", "nothing that it names")


def explorer(folder: Path) -> Path:
    """The explorer's page as a browser shows it."""
    from logreg_parity.cli.explore import explorer as page
    from parity_tests.browser import Explorer, browser

    (folder / "explorer.html").write_text(page(), encoding="utf-8")
    with browser() as chromium:
        window = {"width": 1440, "height": 700}
        shown = Explorer(chromium, folder / "explorer.html", EXPLORER, locale="en", viewport=window)
        shown.tab.screenshot(path=folder / "explorer.png", full_page=True)
        shown.context.close()
    return folder / "explorer.png"


def difference(folder: Path) -> Path:
    """The main job's picture of how far apart the twins are."""
    from logreg_parity.cli import main

    main(["--out", str(folder)])
    return folder / "difference.png"


def functions(folder: Path) -> Path:
    """The largest errors of the frameworks' functions, of the rows that are kept."""
    from logreg_parity.judge.figures import png
    from logreg_parity.machine.functions import KEPT, picture
    from logreg_parity.machine.maxima import load

    (folder / "functions.png").write_bytes(png(picture(load(KEPT))))
    return folder / "functions.png"


DRAWN = {"explorer": explorer, "difference": difference, "functions": functions}


def make(name: str) -> None:
    """Draw a picture and write it, with its fingerprint."""
    with tempfile.TemporaryDirectory() as folder, Image.open(DRAWN[name](Path(folder))) as picture:
        text = PngImagePlugin.PngInfo()
        text.add_text("made from", fingerprint(name))
        picture.convert("RGB").save(ROOT / "docs" / f"{name}.png", pnginfo=text, optimize=True)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for chosen in sys.argv[1:] or SOURCES:
        make(chosen)
