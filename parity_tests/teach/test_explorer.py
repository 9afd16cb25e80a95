"""The explorer without its buttons: the command, the file, its texts, the recorded runs, and the code it offers."""

import base64
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from logreg_parity.cli import main
from logreg_parity.data.dataset import Dataset, Parameters, batches
from logreg_parity.optimizers.rules import RULES, rounding_bound
from logreg_parity.teach.explore import recordings
from logreg_parity.teach.explore.page import LANGUAGES, MOST_ROWS, SCRIPTS, WEB, initial_setting, page
from logreg_parity.teach.sidebyside import fragment
from logreg_parity.truth import bounds
from logreg_parity.truth.ulp import format_of, round_dataset, round_setting, round_to
from logreg_parity.twins import Setting
from parity_tests.browser import Explorer
from parity_tests.loss_bounds import objective_and_gradient

pytestmark = pytest.mark.slow

# -- the command ------------------------------------------------------------------------------------------------------

TABLE = "age,dose,outcome\n61,0.5,well\n34,1.5,ill\n47,1.0,well\n52,2.5,ill\n"


def test_the_command_writes_the_page(tmp_path, capsys):
    assert main(["explore", "--no-open", "--out", str(tmp_path / "page.html")]) == 0
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert fragment(lesson=True) in html and len(html.encode()) <= 1_200_000
    assert "page.html" in capsys.readouterr().out


def test_the_command_opens_the_page(tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert main(["explore", "--out", str(tmp_path / "page.html")]) == 0
    assert opened == [(tmp_path / "page.html").as_uri()]
    assert "yourself" in capsys.readouterr().out  # append returns None: no browser took it


def test_the_command_shows_a_table(tmp_path, chromium):
    (tmp_path / "patients.csv").write_text(TABLE)
    arguments = ["--data", str(tmp_path / "patients.csv"), "--label", "outcome", "--standardize"]
    assert main(["explore", "--no-open", "--out", str(tmp_path / "page.html"), *arguments]) == 0
    explorer = Explorer(chromium, tmp_path / "page.html")
    assert len(explorer.setting("points")) == 4 and explorer.ask("logreg.session.data.X.length") == 2
    assert explorer.setting("names") == ["age", "dose"] and explorer.text("#legend-one") == "well"
    assert explorer.complaints == []
    explorer.context.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "no/such/folder/page.html"], "a folder that exists"),
        (["--data", "nothing.csv", "--label", "y"], "nothing.csv"),
        (["--data", "nothing.csv"], "--label COLUMN"),
        (["--label", "y"], "are for files"),
    ],
)
def test_bad_options_are_explained(tmp_path, monkeypatch, arguments, words, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["explore", "--no-open", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("X", "weight", "words"),
    [
        (np.ones((4, 3)), None, "3 features"),
        (np.ones((4, 1)), np.ones(4), "row weights"),
        (np.ones((MOST_ROWS + 1, 1)), None, f"{MOST_ROWS + 1} rows"),
        (np.full((4, 1), 1e7), None, "a million"),
    ],
)
def test_data_the_page_cannot_show_is_refused(X, weight, words):
    with pytest.raises(ValueError, match=words):
        initial_setting(Dataset(X, np.zeros(len(X)), "test", sample_weight=weight))


# -- the file ---------------------------------------------------------------------------------------------------------


def test_the_file_is_whole_small_and_alone():
    html = page()
    assert len(html.encode()) <= 1_200_000
    assert not re.search(r"https?://|//cdn|@import|url\(|\bfetch\(|XMLHttpRequest|/\* [A-Z]+ \*/|<!-- [A-Z]+ -->", html)
    assert "default-src 'none'" in html
    assert {f"{name}.js" for name in SCRIPTS} == {path.name for path in WEB.glob("*.js")}


def texts(language):
    return json.loads((WEB / f"text.{language}.json").read_text(encoding="utf-8"))


def test_both_languages_say_the_same_things():
    english, *others = map(texts, LANGUAGES)
    for other in others:
        assert list(other) == list(english)
        for key, text in english.items():
            assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", other[key])), key
            assert text and other[key], key


def test_every_text_is_there_and_used():
    """Keys put together at run time count by their beginning; the browser checks show those."""
    sources = [path.read_text(encoding="utf-8") for path in (*WEB.glob("*.js"), WEB / "page.html")]
    whole = "\n".join(sources)
    used = set(re.findall(r'data-(?:t|label)="([\w.-]+)"', whole)) | set(re.findall(r'\bt\("([\w.-]+)"', whole))
    known = set(texts("en"))
    assert used <= known
    beginnings = tuple(re.findall(r"\bt\(`([\w.]+)\$", whole))
    mentioned = {key for key in known if f'"{key}"' in whole}
    assert [key for key in known - used - mentioned if not key.startswith(beginnings)] == []


# -- the recorded runs ------------------------------------------------------------------------------------------------

SHIPPED = json.loads(recordings.FILE.read_text())
FIRST = 60  # steps that are run again


def shipped_points(run, name):
    dtype = run["setting"].get("precision", "float32")
    width = 3 if run["setting"].get("data") == "plane" else 2
    numbers = np.frombuffer(base64.b64decode(run[name]), np.dtype(dtype).newbyteorder("<"))
    return numbers.reshape(-1, width).astype(np.float64)


@pytest.mark.parametrize("number", range(len(recordings.RUNS)))
@pytest.mark.parametrize("name", recordings.TWINS)
def test_a_shipped_run_is_what_the_twin_does(name, number):
    """The first steps, within the bounds of two correct programs; of the textbook's, without bounds, the length."""
    (setting, steps), run = recordings.RUNS[number], SHIPPED[number]
    shipped = shipped_points(run, name)
    assert run["setting"] == setting
    if setting.get("form") == "textbook":
        assert len(shipped) == len(recordings.run(setting, steps, recordings.TWINS[name])) < steps
        return
    assert len(shipped) == steps + 1
    now = recordings.run(setting, FIRST, recordings.TWINS[name]).astype(np.float64)
    dtype = setting.get("precision", "float32")
    dataset = round_dataset(recordings.made_dataset(setting), dtype)
    reduction, l2 = setting.get("reduction", "mean"), setting.get("l2", 0.0)
    walked = Setting(steps=FIRST, learning_rate=setting.get("lr", 0.5), reduction=reduction, l2=l2)
    walked, runs = round_setting(walked, dtype), (shipped[: FIRST + 1], now)
    limit = sum(bounds.trajectory(dataset, p[:, :-1], p[:, -1], walked, dtype=dtype).parameters for p in runs)
    assert (np.linalg.norm(runs[0] - runs[1], axis=1) <= limit).all()


# -- the code ---------------------------------------------------------------------------------------------------------

BENT = {"steps": 40, "degree": 2, "tw": 3, "lr": 0.2}
SGD = [
    {"steps": 40},
    {**BENT, "data": "xor", "precision": "float64", "rest": [0.5, -1, 0.25], "w": 1},
    {**BENT, "data": "circles", "test": 0.3, "standard": True, "precision": "float64"},
    {**BENT, "data": "moons", "degree": 3, "test": 0.1, "n": 50, "standard": True},
    {"steps": 40, "data": "bernoulli", "test": 0.2, "standard": True, "seed": 4, "precision": "float64"},
    {"steps": 40, "reduction": "sum", "lr": 0.001, "l2": 0.3, "noise": "normal", "level": 0.5, "w": 1, "b": -1},
    {"steps": 40, "data": "plane", "lr": 0.3, "n": 60},
    {"steps": 40, "data": "soft", "precision": "float64"},
    {"steps": 40, "data": "points", "points": [[-1.5, 0], [0.25, 1], [1, 0], [2.5, 1]], "precision": "float64"},
]
OTHERS = [
    {"steps": 40, "data": "bernoulli", "optimizer": "momentum", "lr": 0.3, "precision": "float64"},
    {"steps": 40, "data": "bernoulli", "optimizer": "nesterov", "lr": 0.3},
    {"steps": 40, "data": "bernoulli", "optimizer": "adam", "lr": 0.3, "precision": "float64"},
    {"steps": 40, "data": "bernoulli", "batch": 30, "test": 0.1, "lr": 0.3, "precision": "float64"},
]
FORMS = [
    {"steps": 1, "form": form, "noise": "none", "data": data, "lr": 0.1, "w": 0.5, "b": 0.3, "l2": 0.1}
    for form in ("textbook", "clamped", "epsilon")
    for data in ("bernoulli", "lesson")
]
SETTINGS = [*SGD, *OTHERS, *FORMS]
RUN = "import json, sys\nfor code in json.load(sys.stdin): exec(code, {})\n"


@pytest.fixture(scope="module")
def shown(javascript):
    """For every setting: the page's path, both programs, and the data in rows."""
    return [
        javascript(
            """async (patch) => {
              const { session, DEFAULTS } = logreg;
              session.take({ ...DEFAULTS, ...patch });
              await logreg.settled();
              const rows = Array.from(session.data.y, (y, i) => [...session.data.X.map((x) => x[i]), y]);
              return { path: session.run.path, torch: logreg.torchCode(session.setting),
                       jax: logreg.jaxCode(session.setting), rows, full: session.setting };
            }""",
            setting,
        )
        for setting in SETTINGS
    ]


@pytest.fixture(scope="module", params=["torch", "jax"])
def printed(request, shown):
    """What the copied programs of one framework print, each on a line: (point, loss)."""
    programs = json.dumps([page_shows[request.param] for page_shows in shown])
    done = subprocess.run([sys.executable, "-c", RUN], input=programs, capture_output=True, text=True, check=True)
    lines = [re.fullmatch(r"w (\[.*\]) b (\S+) loss (\S+)", line).groups() for line in done.stdout.splitlines()]
    return [(np.array([*json.loads(w), float(b)]), float(loss)) for w, b, loss in lines]


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_the_copied_code_does_what_the_page_shows(javascript, shown, printed, number):
    """The points within the bounds of two correct programs; the loss at the printed point too."""
    full, path = shown[number]["full"], np.array(shown[number]["path"])
    dtype, form = full["precision"], full["form"]
    rows = np.array(shown[number]["rows"])
    dataset = round_dataset(Dataset(rows[:, :-1], rows[:, -1], "the page"), dtype)
    point, loss = printed[number]
    limit = point_bound(full, dataset, path)
    assert np.isfinite(limit).all()
    assert (np.abs(path[-1] - point) <= limit).all()
    ours = javascript(
        """([patch, theta]) => {
          logreg.session.take(patch);
          return logreg.valueAndGradient(logreg.session.rounded, theta, logreg.session.options).value;
        }""",
        [full, point.tolist()],
    )
    at = Parameters(point[:-1], point[-1])
    objective, _ = objective_and_gradient(form, dataset, at, dtype=dtype, l2=full["l2"], reduction=full["reduction"])
    assert abs(ours - loss) <= 2 * objective


def point_bound(full, dataset, path):
    """How far the ends of two correct programs may be apart, a coordinate."""
    dtype, rate = full["precision"], float(round_to(full["lr"], full["precision"]))
    options = {"l2": full["l2"], "reduction": full["reduction"], "dtype": dtype}
    start = Parameters(path[0][:-1], path[0][-1])
    if full["optimizer"] != "sgd":
        name = "adam" if full["optimizer"] == "adam" else "sgd"
        momentum = {} if name == "adam" else {"momentum": 0.9, "nesterov": full["optimizer"] == "nesterov"}
        coarser = format_of(dtype).unit_roundoff / format_of("float64").unit_roundoff
        return 2 * coarser * rounding_bound(dataset, start, RULES[name], steps=full["steps"], lr=rate, **momentum)[-1]
    if full["form"] == "logits":
        walked = Setting(steps=full["steps"], learning_rate=rate, l2=full["l2"], reduction=full["reduction"])
        rows = full["batch"] and list(batches(dataset.n_rows, full["batch"], full["steps"], seed=full["seed"]))
        reached = bounds.trajectory(dataset, path[:, :-1], path[:, -1], walked, dtype=dtype, batches=rows or None)
        return 2 * reached.parameters[-1]
    _, gradient = objective_and_gradient(full["form"], dataset, start, **options)
    rounded = 4 * format_of(dtype).unit_roundoff * (np.abs(path[-1]) + np.abs(path[0]))
    return 2 * (rate * gradient + rounded)
