"""The site: ``make site``, or ``python docs/website.py [--out FOLDER] [--draft]``.

README, docs, lessons with their outputs, benchmarks and the reference of every module, in a folder that any server
shows, with the explorer and both twins side by side in it, and the lessons as notebooks for Jupyter, Colab and Binder.
English stands at the top, Chinese in ``zh/``; what is not translated is linked to in English. Nothing is fetched, in
building or in reading; every link is followed before the site counts as built.

Where the repository has a public address, ``--repository OWNER/NAME`` (a workflow of GitHub knows it) adds the links to
Colab and Binder, which show the notebooks of the branch that holds the built site.
"""

import argparse
import base64
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
BRANCH = "gh-pages"  # of the built site
TOP = "site:"  # begins a link that is written from the top of the site
ELSEWHERE = "https://top.invalid/"  # begins such a link in the navigation, which MkDocs leaves as it is
ROOMS = ("logreg_parity", "logreg_torch", "logreg_jax")
LANGUAGES = {"en": ("English", ""), "zh": ("中文", "zh/")}
FENCE = re.compile(r"^ *(```|~~~)")
LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s]+)(?=\))|(?<=(?:src|ref)=\")(?!https?:|#)([^\"\s]+)(?=\")")
SECTIONS = {
    "en": ("Home", "Explorer", "Side by side", "Lessons", "Guides", "Benchmarks", "Reference", "Project"),
    "zh": ("首页", "探索器", "并排对照", "课程", "指南", "性能测试（英文）", "参考（英文）", "项目（英文）"),
}
BUTTONS = {
    "en": (
        "Notebook with its outputs",
        "Open in Colab",
        "Open in Binder",
        "The sliders move in Jupyter; here there is ",
    ),
    "zh": ("带输出的笔记本", "在 Colab 中打开", "在 Binder 中打开", "滑块在 Jupyter 里会动；这里有"),
}


# -- which page comes from where ---------------------------------------------------------------------------------------


def pages(lang: str) -> dict[str, str]:
    """Of a language every page and file of the site, by the file of the repository that it is made of."""
    found = {}
    for name in ("README", "lessons/README", *(f"docs/{path.stem.removesuffix('.zh-CN')}" for path in _guides())):
        source = f"{name}.md" if lang == "en" else f"{name}.zh-CN.md"
        if (ROOT / source).exists():
            found[source] = f"{name}.md"
    for path in sorted((ROOT / "lessons").glob("[0-9][0-9]_*.py")):
        found[_relative(path)] = f"lessons/{path.stem}.md"
    if lang == "en":
        for path in [*ROOT.glob("benchmarks/*.md"), *ROOT.glob("benchmarks/results/**/*.md")]:
            found[_relative(path)] = _relative(path)
        for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
            found[name] = name
        for module in modules():
            below = "/index" if module.name == "__init__.py" else ""
            found[_relative(module)] = f"reference/{dotted(module).replace('.', '/')}{below}.md"
    return found


def modules() -> list[Path]:
    """Every public module of the three packages; the commands have a page of their own."""
    found = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    return [
        path for path in found if path.name == "__init__.py" or not path.name.startswith("_") if "cli" not in path.parts
    ]


def dotted(module: Path) -> str:
    """The name by which a module is imported."""
    return ".".join(module.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _guides() -> list[Path]:
    """The pages of docs/, those first that the README names, in its order."""
    named = re.findall(r"docs/([\w-]+)\.md", (ROOT / "README.md").read_text(encoding="utf-8"))
    paths = {path.stem: path for path in sorted((ROOT / "docs").glob("*.md"))}
    order = [stem for stem in [*dict.fromkeys(named), *paths] if stem in paths and not stem.endswith(".zh-CN")]
    return [paths[stem] for stem in dict.fromkeys(order)]


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def address(page: str, lang: str) -> str:
    """Where a page stands below the site's top."""
    return (
        LANGUAGES[lang][1]
        + re.sub(r"README\.md$", "index.md", page).removesuffix(".md")
        + (".html" if page.endswith(".md") else "")
    )


# -- the words of a page -----------------------------------------------------------------------------------------------


class Stage:
    """The pages of one language as MkDocs takes them, in a folder."""

    def __init__(self, folder: Path, lang: str, repository: str | None) -> None:
        self.folder, self.lang, self.repository = folder, lang, repository
        self.pages = {code: pages(code) for code in LANGUAGES}

    def write(self, source: str, text: str) -> None:
        """Put a page in its place, its links leading to where their targets stand in the site."""
        page, fenced, lines = self.pages[self.lang][source], False, []
        for line in text.splitlines():
            fenced ^= bool(FENCE.match(line))
            lines.append(line if fenced else LINK.sub(lambda link: self._target(source, page, link[0]), line))
        target = self.folder / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_folded("\n".join(lines)) + "\n", encoding="utf-8")

    def copy(self, source: str) -> None:
        """A page that stands in the repository; the explorer's picture opens the explorer."""
        text = (ROOT / source).read_text(encoding="utf-8")
        picture = re.compile(r"^(!\[[^\]]*\]\([^)]*explorer\.png\))", re.MULTILINE)
        self.write(source, picture.sub(rf"[\1]({self.explorer()})", text))

    def _target(self, source: str, page: str, link: str) -> str:
        if link.startswith(TOP):
            return _from(address(page, self.lang), link.removeprefix(TOP))
        path, _, anchor = link.partition("#")
        name = os.path.normpath((PurePosixPath(source).parent / unquote(path)).as_posix())
        anchor = f"#{anchor}" if anchor else ""
        if name in self.pages[self.lang]:
            return _from(page, self.pages[self.lang][name]) + anchor
        for other, here in self.pages.items():
            if name in here:
                return _from(address(page, self.lang), address(here[name], other)) + anchor
        if (ROOT / name).is_dir():
            return _from(page, self._listed(name))
        if not (ROOT / name).is_file():
            raise ValueError(f"{source} links to {link}, and there is no such file")
        self._copy_as_it_is(name)
        return _from(page, name)

    def _copy_as_it_is(self, name: str) -> None:
        copied = self.folder / name
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copied)

    def _listed(self, folder: str) -> str:
        """A page with the files of a folder, which it hands out and, where they are short programs, shows."""
        texts = [f"# {folder}"]
        for path in sorted(path for path in (ROOT / folder).iterdir() if path.is_file()):
            self._copy_as_it_is(_relative(path))
            texts.append(f"## [{path.name}]({path.name})")
            if path.suffix in (".py", ".toml"):
                texts.append(
                    _fenced(path.read_text(encoding="utf-8").rstrip(), {".py": "python"}.get(path.suffix, "toml"))
                )
        (self.folder / folder / "index.md").write_text("\n\n".join(texts) + "\n", encoding="utf-8")
        return f"{folder}/index.md"

    def explorer(self) -> str:
        """A link to the explorer, in this language."""
        return f"{TOP}explorer.html" + ("" if self.lang == "en" else f"#lang={self.lang}")


def _from(page: str, target: str) -> str:
    return os.path.relpath(target, PurePosixPath(page).parent.as_posix() or ".")


def _folded(text: str) -> str:
    """Markdown within what is folded away is Markdown here, too, as it is in notebooks and on GitHub."""
    return re.sub(r"<(details)>\s*<(summary)>", r'<\1 markdown="1"><\2 markdown="span">', text)


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """A hook of MkDocs: formulas become MathML, which browsers draw by themselves; a docstring's get their indices."""
    from latex2mathml.converter import convert

    def drawn(found: re.Match) -> str:
        kind, tex = found[1], unescape(found[2])
        math = convert(tex.strip()[2:-2], display="block" if kind == "div" else "inline")
        return f'<div class="formula" tabindex="0">{math}</div>' if kind == "div" else math

    html = re.sub(r"<th([^>]*)></th>", r"<td\1></td>", html)  # a corner of a table is no heading
    if page.file.src_uri.startswith("reference/"):
        return _indices(html)
    return re.sub(r'<(span|div) class="arithmatex">(.*?)</\1>', drawn, html, flags=re.DOTALL)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """A hook of MkDocs: the theme's search box gets a name, its lists within lists are no landmarks, links find TOP."""
    search = '<div class="md-search" data-md-component="search" role="dialog"'
    if search not in output:
        raise ValueError(
            "the theme's search box is written otherwise now; look whether it has a name for screen readers"
        )
    named = output.replace(search, f'{search} aria-label="Search"')
    plain = re.sub(
        r'<nav class="md-nav" data-md-level="([1-9])"[^>]*>',
        r'<nav role="none" class="md-nav" data-md-level="\1">',
        named,
    )
    below = LANGUAGES[config["theme"]["language"]][1]
    return plain.replace(ELSEWHERE, "../" * (below + page.url).count("/"))


def on_post_template(output_content: str, template_name: str, **_: Any) -> str:
    """A hook of MkDocs: the page of an address that is not there is shown at any depth."""
    return output_content.replace(ELSEWHERE, "/") if template_name == "404.html" else output_content


def _indices(html: str) -> str:
    """γ_{D+1}, e^{-|z|}, θ_t and 2^-20 of a text as they are written by hand; code stays as it is."""
    parts = re.split(r"(<code.*?</code>|<pre.*?</pre>|<[^>]*>)", html, flags=re.DOTALL)
    for number in range(0, len(parts), 2):
        text = re.sub(r"_\{([^{}]*)\}|(?<=\b[a-zA-ZΑ-ω])_(\w)\b", r"<sub>\1\2</sub>", parts[number])
        parts[number] = re.sub(r"\^\{([^{}]*)\}|\^(-?\w+)", r"<sup>\1\2</sup>", text)
    return "".join(parts)


# -- the lessons -------------------------------------------------------------------------------------------------------


def notebooks(folder: Path, lang: str, repository: str | None, *, draft: bool) -> dict[str, Any]:
    """The lessons by their file, run unless it is a draft, and written there for Jupyter, Colab and Binder."""
    import nbformat
    from nbformat.v4 import new_code_cell

    specification = importlib.util.spec_from_file_location("lessons_build", ROOT / "lessons" / "build.py")
    assert specification and specification.loader
    lessons = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(lessons)
    folder.mkdir(parents=True)
    found = {}
    for lesson in lessons.LESSONS.values():
        if draft:
            notebook = lessons.read(lesson, lang)
        else:
            print(lessons.build(lesson, folder, lang), flush=True)
            notebook = nbformat.read(folder / f"{lesson.stem}.ipynb", as_version=4)
        found[_relative(lesson)] = notebook.copy()
        notebook.cells = [new_code_cell(_install(repository), id="install"), *notebook.cells]
        nbformat.write(notebook, folder / f"{lesson.stem}.ipynb")
    return found


def _install(repository: str | None) -> str:
    """The first cell of a notebook that may be opened where nothing is installed."""
    place = f" @ git+https://github.com/{repository}" if repository else ""
    wanted = f"import importlib.util\n\nif importlib.util.find_spec({ROOMS[0]!r}) is None:"
    return f'{wanted}\n    %pip install --quiet "logreg-parity[lessons]{place}"'


def lesson_page(stage: Stage, source: str, notebook: Any) -> str:
    """A lesson's words, code and outputs as Markdown; its pictures are written beside it."""
    name = Path(source).stem
    own, colab, binder, _ = BUTTONS[stage.lang]
    place = f"notebooks/{LANGUAGES[stage.lang][1]}{name}.ipynb"
    links = [f"[{own}]({TOP}{place}){{ download }}"]
    if stage.repository:
        links += [f"[{colab}](https://colab.research.google.com/github/{stage.repository}/blob/{BRANCH}/{place})"]
        links += [f"[{binder}](https://mybinder.org/v2/gh/{stage.repository}/{BRANCH}?urlpath=lab/tree/{place})"]
    title, *parts = [part for number, cell in enumerate(notebook.cells) for part in _cell(stage, name, number, cell)]
    heading, _, rest = title.partition("\n")
    return "\n\n".join([heading, " · ".join(links), rest.strip(), *parts])


def _cell(stage: Stage, name: str, number: int, cell: Any) -> Iterator[str]:
    if cell.cell_type == "markdown":
        yield cell.source
        return
    yield _fenced(re.sub(r"^%.*\n", "", cell.source), "python")
    for count, output in enumerate(cell.get("outputs", [])):
        data = output.get("data", {})
        if "application/vnd.jupyter.widget-view+json" in data:
            yield f"*{BUTTONS[stage.lang][3]}*[*{SECTIONS[stage.lang][1]}*]({stage.explorer()})"
        elif "image/png" in data:
            picture = stage.folder / "lessons" / f"{name}_{number}_{count}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.write_bytes(base64.b64decode(data["image/png"]))
            yield f"![{_described(cell)}]({TOP}{LANGUAGES[stage.lang][1]}lessons/{picture.name})"
        else:
            text = output.get("text") or data.get("text/plain", "")
            if text and not text.startswith("<function"):  # what a slider gives back
                yield f'<div class="output" markdown="1">\n\n{_fenced(text.rstrip(), "text")}\n\n</div>'


def _fenced(text: str, language: str) -> str:
    return f"````{language}\n{text}\n````"


def _described(cell: Any) -> str:
    """What a picture is called by those who do not see it: the call that drew it."""
    return "What is drawn by " + cell.source.strip().splitlines()[-1].replace("[", "(").replace("]", ")")


# -- the reference -----------------------------------------------------------------------------------------------------


def reference(stage: Stage) -> None:
    """A page a module, its formulas those of its docstrings, and one with every command's help."""
    for module in modules():
        name = dotted(module)
        stage.write(_relative(module), f"# {name}\n\n::: {name}")
    texts = ["# Commands", "Every command is `logreg-parity NAME`; without a name it is the main job."]
    for path in sorted((ROOT / "logreg_parity" / "cli").glob("[a-z]*.py")):
        made = getattr(importlib.import_module(f"logreg_parity.cli.{path.stem}"), "parser", None)
        if made:
            texts += [f"## {path.stem}", _fenced(made().format_help().rstrip(), "text")]
    (stage.folder / "reference" / "commands.md").write_text("\n\n".join(texts) + "\n", encoding="utf-8")


def _tree(lang: str) -> list[Any]:
    """The modules as the sidebar shows them, packages within packages."""
    top: dict[str, Any] = {}
    for module in modules():
        *above, last = dotted(module).split(".")
        inside = top
        for part in above:
            inside = inside.setdefault(part, {})
        page = pages(lang)[_relative(module)]
        if module.name == "__init__.py":
            inside.setdefault(last, {})[""] = page
        else:
            inside[last] = page

    def listed(inside: dict[str, Any]) -> list[Any]:
        return [
            part if not name else {name: listed(part) if isinstance(part, dict) else part}
            for name, part in inside.items()
        ]

    return listed(top)


# -- building ----------------------------------------------------------------------------------------------------------


class Options(NamedTuple):
    """out: the folder of the site. draft: lessons without outputs, and no explorer: seconds instead of minutes."""

    out: Path
    draft: bool = False
    repository: str | None = None


def navigation(lang: str) -> list[Any]:
    """What stands in the bar and at the side."""
    home, explorer, beside, lessons, guides, benchmarks, modules_, project = SECTIONS[lang]
    here, hash_ = pages(lang), "" if lang == "en" else f"#lang={lang}"
    entries: list[Any] = [{home: "README.md"}, {explorer: f"{ELSEWHERE}explorer.html{hash_}"}]
    entries += [{beside: f"{ELSEWHERE}sidebyside.html"}]
    entries += [{lessons: [page for page in here.values() if page.startswith("lessons/")]}]
    translated = [page for page in here.values() if page.startswith("docs/")]
    if lang == "en":
        measured = [page for page in here.values() if page.startswith("benchmarks/")]
        entries += [{guides: translated}, {benchmarks: measured}]
        entries += [{modules_: ["reference/commands.md", *_tree(lang)]}, {project: ["CONTRIBUTING.md", "CHANGELOG.md"]}]
        return entries
    others = [page for page in pages("en").values() if page.startswith("docs/") and page not in translated]
    english = [{f"{_title(page)}（英文）": ELSEWHERE + address(page, "en")} for page in others]
    first = {
        benchmarks: "benchmarks/README.md",
        modules_: "reference/logreg_parity/index.md",
        project: "CONTRIBUTING.md",
    }
    entries += [{guides: [*translated, *english]}]
    return [*entries, *({name: ELSEWHERE + address(page, "en")} for name, page in first.items())]


def _title(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


def configuration(stage: Stage, out: Path) -> dict[str, Any]:
    """What docs/mkdocs.yml leaves to the language."""
    lang, (_, below) = stage.lang, LANGUAGES[stage.lang]
    up = "" if lang == "en" else "../"
    alternate = [
        {"name": name, "link": (up if code == "en" else "./" if code == lang else folder) or "./", "lang": code}
        for code, (name, folder) in LANGUAGES.items()
    ]
    plugins: list[Any] = [{"search": {"lang": ["en"] if lang == "en" else ["zh", "en"]}}]
    if lang == "en":
        look = {
            "docstring_style": "google",
            "docstring_options": {"warn_unknown_params": False, "warn_missing_types": False},
            "docstring_section_style": "list",
            "members_order": "source",
            "show_root_heading": False,
            "show_root_toc_entry": False,
            "show_symbol_type_heading": True,
            "show_symbol_type_toc": True,
            "separate_signature": True,
            "show_signature_annotations": True,
        }
        plugins += [{"mkdocstrings": {"handlers": {"python": {"paths": [str(ROOT)], "options": look}}}}]
    return {
        "INHERIT": str(ROOT / "docs" / "mkdocs.yml"),
        "docs_dir": str(stage.folder),
        "site_dir": str(out / below),
        "nav": navigation(lang),
        "theme": {"language": lang},
        "extra": {"alternate": alternate, "generator": False},
        "plugins": plugins,
        "hooks": [str(Path(__file__).resolve())],
    }


def build(options: Options) -> None:
    """Build it all. Raises ValueError where a link leads nowhere or a page asks the network for something."""
    import yaml

    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for lang, (_, below) in LANGUAGES.items():
            stage = Stage(Path(folder) / lang, lang, options.repository)
            lessons = notebooks(Path(folder) / "notebooks" / below, lang, options.repository, draft=options.draft)
            for source, page in stage.pages[lang].items():
                if source in lessons:
                    stage.write(source, lesson_page(stage, source, lessons[source]))
                elif page.endswith(".md") and not page.startswith("reference/"):
                    stage.copy(source)
            if lang == "en":
                reference(stage)
            (stage.folder / "assets").mkdir()
            for name in ("site.css", "site.js"):
                shutil.copyfile(ROOT / "docs" / name, stage.folder / "assets" / name)
            made = Path(folder) / f"{lang}.yml"
            made.write_text(yaml.safe_dump(configuration(stage, options.out), allow_unicode=True), encoding="utf-8")
            command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--config-file", str(made)]
            subprocess.run(command, check=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"})
        shutil.copytree(Path(folder) / "notebooks", options.out / "notebooks")
    _add_pages(options)
    if wrong := broken(options.out):
        raise ValueError("\n".join([f"{len(wrong)} links of the site are wrong:", *wrong]))


def _add_pages(options: Options) -> None:
    """The explorer, both twins side by side, and what GitHub's pages and Binder want to know."""
    from logreg_parity.cli.explore import explorer
    from logreg_parity.teach.sidebyside import page

    (options.out / "explorer.html").write_text(explorer(), encoding="utf-8")
    (options.out / "sidebyside.html").write_text(page(), encoding="utf-8")
    (options.out / ".nojekyll").touch()
    if options.repository:
        wanted = f"logreg-parity[lessons] @ git+https://github.com/{options.repository}"
        (options.out / "binder").mkdir()
        (options.out / "binder" / "requirements.txt").write_text(
            f"--extra-index-url https://download.pytorch.org/whl/cpu\njupyterlab\n{wanted}\n", encoding="utf-8"
        )


# -- following every link ----------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.names |= {value for key in ("id", "name") if (value := found.get(key))}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"] or "")
        elif tag in ("img", "script", "iframe", "source", "video") and found.get("src"):
            self.loaded.append(found["src"] or "")
        elif tag == "link" and found.get("href") and found.get("rel") not in ("canonical", "alternate", "prev", "next"):
            self.loaded.append(found["href"] or "")


def _read(folder: Path) -> dict[Path, _Page]:
    return {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}


def broken(folder: Path) -> list[str]:
    """Every link within the site that leads to no file or to no place on its page, and what it loads from elsewhere."""
    found: list[str] = []
    read = _read(folder)
    for path, page in read.items():
        found += [f"{path.relative_to(folder)} loads {link}" for link in page.loaded if urlsplit(link).netloc]
        if path.name == "404.html":  # shown at any address, so its links begin at the server's top
            continue
        for link in dict.fromkeys([*page.links, *page.loaded]):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                found += [f"{path.relative_to(folder)} links to {link}"] * link.startswith(ELSEWHERE)
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            there = read.get(target)
            anchored = not parts.fragment or there is None or "=" in parts.fragment  # the explorer's own hash
            if not target.is_file() or not (anchored or unquote(parts.fragment) in there.names | {"__top"}):
                found.append(f"{path.relative_to(folder)} links to {link}")
    return found


def main(arguments: list[str] | None = None) -> None:
    """Build the site as the options say."""
    parser = argparse.ArgumentParser("website.py", description="Build the site, in English and in Chinese.")
    parser.add_argument("--out", type=Path, default=ROOT / "site", metavar="FOLDER", help="where to (site/)")
    parser.add_argument(
        "--draft", action="store_true", help="leave out what the lessons print and draw: no lesson runs"
    )
    parser.add_argument(
        "--repository",
        default=os.environ.get("GITHUB_REPOSITORY"),
        metavar="OWNER/NAME",
        help="on GitHub: adds links to Colab and Binder",
    )
    options = Options(**vars(parser.parse_args(arguments)))
    if options.out.exists():
        if not (options.out / "explorer.html").exists() and any(options.out.iterdir()):
            parser.error(f"{options.out} is a folder with something else in it; give another with --out")
        shutil.rmtree(options.out)
    try:
        build(options)
    except (ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"The site is not built: {error}")
    print(f"Written: {options.out}. Look at it with: python -m http.server --directory {options.out}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
