"""Every benchmark once at a tiny size, for what it says and not for how long it took."""

import copy
import importlib
import itertools
import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from benchmarks import devices, gradient, ladder, optimum, peers, ranks, results, scale, timing
from benchmarks.problems import answer, well_conditioned
from logreg_parity import Parameters, published_2021
from logreg_parity.cli import main
from logreg_parity.data.generator import initial_parameters
from logreg_parity.solvers import stream
from logreg_parity.truth import oracle, reference
from logreg_parity.truth.bounds import PointBounds, trajectory
from logreg_parity.truth.optimum import find_optimum
from logreg_parity.truth.reference import evaluate
from logreg_parity.truth.ulp import round_dataset, round_parameters
from logreg_parity.twins import Program, Setting

pytestmark = pytest.mark.slow

ABOUT = {"processor", "cores", "devices", "threads", "versions", "date", "command"}


@pytest.fixture
def measured(tmp_path, capsys, monkeypatch):
    """The rows of a benchmark, run as a user runs it, after what holds of every one."""
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

    def run(name):
        assert main(["bench", name, "--size", "tiny", "--out", str(tmp_path)]) == 0
        printed, result = capsys.readouterr().out, results.load(tmp_path / f"{name}.json")
        page = (tmp_path / "results.md").read_text()
        assert result["environment"].keys() >= ABOUT and result["question"] in page and f"({name}.png)" in page
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        for title, (heading, *lines) in results.load_benchmark(name).tables(result["rows"]).items():
            assert title in printed and f"| {' | '.join(heading)} |" in page
            assert all(f"| {' | '.join(line)} |" in page and line[0] in printed for line in lines)
        assert json.loads(json.dumps(result)) == result
        path = str(tmp_path / f"{name}.json")
        assert main(["bench", "--compare", path, path]) == 0
        assert capsys.readouterr().out.count("1.00") >= sum("seconds" in row for row in result["rows"])
        return result["rows"]

    return run


def rows_of(benchmark, notify):
    """All its rows at a tiny size."""
    return list(itertools.chain.from_iterable(benchmark.run("tiny", notify)))


def descent():
    """By number of steps: the exact run's objective, in float64, and how far a float32 run's may be from it.

    Twice the bound, which is of the run that it is taken along, and a float32 run is within the bound of this one.
    """
    dataset, _ = published_2021()
    held = round_dataset(dataset, "float32")
    steps = ladder.SIZES["tiny"][0] + 1
    setting = Setting(steps=steps, learning_rate=ladder.RATE, reduction="sum", record="before")
    run = Program("reference", reference, "float64").train(held, Parameters(np.zeros(1), 0.0), setting, keep=range(99))
    bounds = trajectory(held, run.weights, run.biases, setting, dtype="float32").losses
    return run.losses, 2 * bounds


def strayed(rows):
    """The ways to take steps that do not end where the steps lead."""
    exact, bounds = descent()
    return {row["candidate"] for row in rows if abs(row["objective"] - exact[row["steps"]]) > bounds[row["steps"]]}


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # torch.compile's own
def test_ladder(measured):
    rows = measured("ladder")
    assert not strayed(rows) and len(rows) == 11
    assert {row["steps"] for row in rows if row["candidate"] != "JAX, no jit"} == {20}


def test_a_loop_that_takes_a_step_too_few_is_seen():
    dataset, _ = published_2021()
    w, b = ladder.numpy_by_hand(dataset.X, dataset.y, 19, ladder.RATE)
    value = evaluate(dataset, Parameters(w, b), reduction="sum").objective
    assert strayed([{"candidate": "NumPy by hand", "steps": 20, "objective": value}])


def inaccurate(rows):
    """The candidates whose gradient is off by more than rounding: theirs, and that of the judge in float64."""
    found = set()
    for row in rows:
        held, point = gradient.problem(row["n_rows"], row["n_features"], row["dtype"])
        dtype = "float64" if "float64 arithmetic" in row["candidate"] else row["dtype"]
        size = np.linalg.norm(np.append(*oracle.evaluate(held, point).gradient).astype(float))
        own, judge = (np.linalg.norm(PointBounds(held, point, dtype=d).gradient) for d in (dtype, "float64"))
        if row["relative_error"] * size > own + judge:
            found.add(row["candidate"])
    return found


def test_gradient(measured):
    rows = measured("gradient")
    assert not inaccurate(rows)
    assert len(rows) == 2 * (12 + 8)  # two shapes, in float32 also with float64 arithmetic


def test_a_wrong_gradient_is_seen(monkeypatch):
    right = gradient.torch_gradient
    monkeypatch.setitem(gradient.SIZES, "tiny", [(100, 1)])
    monkeypatch.setattr(gradient, "torch_gradient", lambda *args: (*right(*args)[:2], 1.001 * right(*args)[2]))
    assert inaccurate(rows_of(gradient, print)) == {"PyTorch eager"}


def test_the_table_of_all_processors_is_that_of_their_results():
    folder = Path(results.__file__).parent / "results"
    assert (folder / "processors.md").read_text(encoding="utf-8") == results.summary(folder)
    for path in folder.glob("*/gradient.json"):
        about = results.load(path)["environment"]
        assert path.parent.name == results.machine_name(about), "a folder has the name of its processor"


def test_the_readme_says_what_holds_on_every_processor():
    """Of 10⁶ rows the least and the largest factor: PyTorch's, JAX's, and the kernel's."""
    folder = Path(results.__file__).parent / "results"
    by_processor = {path.parent.name: results.load(path)["rows"] for path in folder.glob("*/gradient.json")}
    heading, *lines = gradient.against_plain(by_processor)
    factors: dict[str, list[float]] = {"PyTorch": [], "JAX": [], "kernel": []}
    for case, *cells in lines:
        for column, cell in zip(heading[1:], cells, strict=True):
            if case.startswith("1,000,000"):
                products, kernel = map(float, cell.split(" / "))
                factors[column.partition(",")[0]].append(products)
                factors["kernel"].append(kernel)
    wanted = [f"{number:.1f}" for of in factors.values() for number in (min(of), max(of))]
    for name, pattern in {
        "README.md": r"([\d.]+) to ([\d.]+) times",
        "README.zh-CN.md": r"([\d.]+) 到 ([\d.]+) 倍",
    }.items():
        text = (folder.parents[1] / name).read_text(encoding="utf-8")
        (line,) = re.findall(r"results/processors\.md\)(.*?)jax\.jit", text, re.DOTALL)
        assert [number for pair in re.findall(pattern, line) for number in pair] == wanted


def test_ratios_are_against_plain_code_of_the_same_framework():
    kinds = {
        "PyTorch eager": 0.2,
        "JAX jit": 0.5,
        "PyTorch, one pass": 0.3,
        "PyTorch, fused": 0.6,
        "JAX, one pass": 0.25,
    }
    rows = [
        {"candidate": name, "n_rows": 1000, "n_features": 2, "dtype": "float32", "fraction": [0, share, 1]}
        for name, share in kinds.items()
    ]
    heading, line = gradient.against_plain({"one": rows})
    assert heading == ("rows × features", "PyTorch, one", "JAX, one") and line == (
        "1,000 × 2, float32",
        "1.5 / 3.0",
        "0.5",
    )


def test_optimum(measured):
    rows = measured("optimum")
    reached = {row["candidate"] for row in rows if row["reached"]}
    assert reached >= {*optimum.TWINS, "scikit-learn newton-cholesky", "torch.optim.LBFGS", "optax.lbfgs"}
    assert {row["candidate"] for row in rows} - reached == {"scikit-learn liblinear"}  # penalises the intercept
    assert all(("seconds" in row) == row["reached"] for row in rows)
    assert all(row["reached"] for row in rows if row["candidate"] in optimum.TWINS)  # on every data set


def test_a_table_in_which_no_twin_arrives_has_times_and_no_ratios():
    row = {"candidate": "scikit-learn lbfgs", "data": "hard", "n_rows": 9, "n_features": 2, "reached": True, "gap": 0.0}
    row |= {"first": 2.0, "packing": 0.0, "readings": 3.0, "seconds": {"median": 1.0, "q1": 1.0, "q3": 1.0}}
    (table,) = optimum.tables([row]).values()
    assert table[1][:3] == ("scikit-learn lbfgs", "1 ±0 %", "")


INTELEX = "scikit-learn-intelex lbfgs"


def test_intelex_is_timed_for_what_it_computes_itself():
    pytest.importorskip("sklearnex", reason="scikit-learn-intelex has wheels for x86-64 alone")
    dataset = well_conditioned(100, 2)
    assert INTELEX in optimum.contestants(dataset, 0.1)
    for solver in ("newton-cg", "liblinear"):
        with pytest.raises(RuntimeError, match=f"left {solver} to scikit-learn"):
            peers.sklearnex_fit(dataset.X, dataset.y, 0.1, solver, 1e-5)


def test_without_intelex_the_others_run_and_it_is_said(monkeypatch):
    monkeypatch.setattr(optimum, "accelerated", lambda: None)
    monkeypatch.setattr(optimum, "problems", lambda _: {"small": lambda: well_conditioned(100, 2)})
    said = []
    candidates = {row["candidate"] for row in rows_of(optimum, said.append)}
    assert "scikit-learn-intelex is not installed" in said[0]
    assert candidates > {*optimum.TWINS} and INTELEX not in candidates


def test_a_peer_with_half_the_penalty_has_no_time(monkeypatch):
    right = optimum.sklearn_fit
    monkeypatch.setattr(optimum, "SKLEARN_SOLVERS", ("newton-cholesky",))
    monkeypatch.setattr(optimum, "sklearn_fit", lambda X, y, l2, *rest: right(X, y, l2 / 2, *rest))
    monkeypatch.setattr(optimum, "problems", lambda _: {"small": lambda: well_conditioned(100, 2)})
    rows = rows_of(optimum, print)
    (wrong,) = (row for row in rows if not row["reached"])
    assert wrong["candidate"] == "scikit-learn newton-cholesky" and "seconds" not in wrong
    assert ("scikit-learn newton-cholesky", "not reached") in {
        line[:2] for line in optimum.tables(rows)["small, 100 × 2"]
    }


@pytest.mark.parametrize("name", optimum.problems("tiny"))
def test_the_answer_is_the_optimum(name):
    """A sum of N rows and a penalty, each rounded: at the minimum no error of the point is seen."""
    dataset = round_dataset(optimum.problems("tiny")[name](), "float32")
    found, exact = answer(dataset, 1 / dataset.n_rows), find_optimum(dataset, l2=1 / dataset.n_rows)
    assert abs(found.value - exact.value) <= (dataset.n_rows + 8) * np.spacing(exact.value)


def test_devices(measured):
    """Every value is that of the data rounded to float32."""
    for row in measured("devices"):
        n, d = row["n_rows"], row["n_features"]
        held, point = (
            round_dataset(well_conditioned(n, d), "float32"),
            round_parameters(initial_parameters(d), "float32"),
        )
        exact, bounds = oracle.evaluate(held, point), PointBounds(held, point, dtype="float32")
        assert oracle.distance(row["objective"], exact.objective) <= bounds.objective


def test_crossovers():
    def row(device, n, median):
        seconds = {"median": median}
        return {"candidate": "JAX jit", "device": device, "n_features": 1, "n_rows": n, "seconds": seconds}

    sizes = (10, 100, 1000, 10_000)
    cpu = [row("cpu", n, n) for n in sizes]
    assert devices.crossovers(cpu) == {}
    assert devices.crossovers([*cpu, *(row("cuda", n, 500) for n in sizes)]) == {("JAX jit", 1): 1000}
    noisy = [row("cuda", n, median) for n, median in zip(sizes, (5, 500, 500, 500), strict=True)]
    assert devices.crossovers([*cpu, *noisy]) == {("JAX jit", 1): 1000}
    assert devices.crossovers([*cpu, *(row("cuda", n, 10**6) for n in sizes)]) == {("JAX jit", 1): None}


def test_scale(measured):
    """Each fit as near its optimum as it was asked to be; at θ = 0 every loss of the stream is log 2."""
    rows = measured("scale")
    assert len(rows) == 2 * len(scale.SIZES["tiny"]) + 2
    for row in rows:
        n = row["n_rows"]
        if row["data"] == "stream":
            assert abs(row["objective"] - np.log(2)) <= n * np.spacing(np.log(2))
        else:
            held = round_dataset(well_conditioned(n, row["n_features"]), "float32")
            least = find_optimum(held, l2=1 / n).value
            assert abs(row["objective"] - least) <= 1e-8 * row["objective"]  # the default tolerance of fit


def test_without_a_kernel_that_tells_memory_scale_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(scale, "PEAK", tmp_path / "clear_refs")
    assert main(["bench", "scale", "--size", "tiny", "--out", str(tmp_path)]) == 2
    assert "takes memory from /proc" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_what_digests_take_is_measured_and_the_passes_are_as_before():
    fit, known = importlib.import_module("logreg_torch.speed.fit"), stream.digest
    taken = scale.digests(fit, 20_000, 2)
    assert taken.keys() == {"with", "without", "ratio"} and taken["ratio"] > 0 and stream.digest is known


@pytest.mark.slow
@pytest.mark.parametrize("module", ["logreg_torch", "logreg_jax"])
def test_what_a_rank_takes_of_a_stream_does_not_grow_with_it(module):
    """Two of its blocks, as it came and packed, and 300 MB; and of four more blocks a rank none is still held."""
    fit, rows = importlib.import_module(f"{module}.speed.fit"), stream.BLOCK_BYTES // (4 * scale.STREAMED_FEATURES)
    few, many = (scale.shared(fit, blocks * rows, 1) for blocks in (4, 12))
    assert [rank["objective"] for rank in few] == [scale.stream(fit, 4 * rows, 1)["objective"]] * 2
    for one, other in zip(few, many, strict=True):
        assert 0 < other["bytes"] <= 2 * stream.BLOCK_BYTES + 300 * 10**6
        assert other["bytes"] - one["bytes"] < stream.BLOCK_BYTES


def test_exponents():
    def row(n):
        return {"candidate": "JAX", "data": "held", "n_rows": n, "seconds": {"median": 3e-6 * n**1.5}}

    rows = [row(10**k) for k in (3, 4, 5)]
    found = scale.exponents([*rows, *({**row, "candidate": "PyTorch"} for row in rows)])
    assert {name: round(power, 9) for name, power in found.items()} == {"JAX": 1.5, "PyTorch": 1.5}


def test_a_run_cut_short_keeps_every_table_that_was_measured(tmp_path, capsys, monkeypatch):
    def cut_short(size, notify):
        yield [row | {"bytes": 1, "fraction": [1, 1, 1], "relative_error": 0.0} for row in RESULT["rows"][:1]]
        raise KeyboardInterrupt

    monkeypatch.setitem(RESULT["rows"][0], "seconds", {"median": 2.0, "q1": 2.0, "q3": 2.0})
    monkeypatch.setattr(gradient, "run", cut_short)
    assert main(["bench", "gradient", "--out", str(tmp_path)]) == 130
    kept = results.load(tmp_path / "gradient.json")
    assert len(kept["rows"]) == 1 and not kept["whole"] and "10 × 1" in (tmp_path / "results.md").read_text()
    assert (tmp_path / "gradient.png").exists()
    assert "no whole result" in results.expected("gradient", "full", tmp_path)


def test_how_long_it_takes_is_said_from_the_last_time(tmp_path):
    assert "is not known" in results.expected("gradient", "full", tmp_path)
    for took, words in ((61.0, "took 61 s"), (400.0, "took 7 min")):
        results.save({**RESULT, "size": "full", "whole": True, "took": took}, tmp_path)
        assert words in results.expected("gradient", "full", tmp_path)
        assert "is not known" in results.expected("gradient", "tiny", tmp_path)


ROW = {"candidate": "JAX", "data": "normal", "n_rows": 10, "n_features": 1, "dtype": "float32", "device": "cpu"}
RESULT = {
    "format": results.FORMAT,
    "version": results.FORMAT_VERSION,
    "benchmark": "gradient",
    "rows": [{**ROW, "seconds": {"median": 2.0}}, {**ROW, "candidate": "PyTorch"}],
}


def test_ratios():
    """Of the rows that both have and were timed in both."""
    other = copy.deepcopy(RESULT)
    other["rows"][0]["seconds"]["median"], other["rows"][1]["seconds"] = 5.0, {"median": 1.0}
    assert results.ratios(RESULT, other) == [("JAX · normal · 10 · 1 · float32 · cpu", 2.0, 2.5)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (json.dumps({**RESULT, "benchmark": "ladder"}), "one result is of gradient, the other of ladder"),
        (json.dumps({**RESULT, "rows": [{**ROW, "n_rows": 20, "seconds": {"median": 1.0}}]}), "share no row"),
        (json.dumps({**RESULT, "version": 99}), "has version 99"),
        (json.dumps([1, 2]), "is not a benchmark's result"),
        ("no json", "is not JSON"),
    ],
    ids=["another benchmark", "other sizes", "version", "another file", "no JSON"],
)
def test_what_cannot_be_compared_is_refused(tmp_path, capsys, content, words):
    (tmp_path / "a.json").write_text(json.dumps(RESULT))
    (tmp_path / "b.json").write_text(content)
    assert main(["bench", "--compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 2
    assert words in capsys.readouterr().err


def test_an_unknown_benchmark_is_refused_before_anything_runs(tmp_path, capsys):
    assert main(["bench", "ladder", "speed", "--out", str(tmp_path)]) == 2
    assert "no benchmark 'speed'; give ladder, gradient" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_jax_computes_in_the_thread_that_asks():
    """What a call returns is there already; elsewhere such a product is not."""
    product = "a = jax.numpy.ones((1500, 1500)); f = jax.jit(lambda a: a @ a); f(a).block_until_ready()"
    code = f"import benchmarks, jax; {product}; print([f(a).is_ready() for _ in range(5)])"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == str([True] * 5)


@pytest.mark.parametrize("missing", ["benchmarks", "benchmarks.results"])
def test_bench_outside_a_checkout_says_where_it_runs(monkeypatch, capsys, missing):
    monkeypatch.delitem(sys.modules, "benchmarks.results")
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["bench", "ladder"]) == 2
    assert "run this in a checkout" in capsys.readouterr().err


@pytest.mark.parametrize("framework", ["jax", "torch"])
def test_threads_are_told_to_sleep_before_a_framework_is_imported(framework):
    """OpenMP reads its variable when it is loaded."""
    code = f"""
import os, sys
class Watch:
    def find_spec(name, *rest):
        if name == "{framework}":
            sys.exit(os.environ.get("OMP_WAIT_POLICY", "not told"))
sys.meta_path.insert(0, Watch)
from logreg_parity.__main__ import main
main(["bench", "ladder"])
"""
    unset = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    found = subprocess.run([sys.executable, "-c", code], env=unset, capture_output=True, text=True)
    assert found.stderr.strip() == "PASSIVE"


@pytest.mark.parametrize(("spun", "waited"), [(0.0, 1), (0.1, 21), (99.0, 200)])
def test_a_turn_begins_when_the_threads_before_have_stopped(monkeypatch, spun, waited):
    """A thread that spins for so many seconds, on a clock that only sleeping moves."""
    naps = []
    monkeypatch.setattr(timing, "perf_counter", lambda: sum(naps))
    monkeypatch.setattr(timing, "process_time", lambda: min(sum(naps), spun))
    monkeypatch.setattr(timing, "sleep", naps.append)
    timing.settle()
    assert len(naps) == waited


def test_candidates_take_turns_after_the_one_before_has_settled(monkeypatch):
    """On a clock that goes on by a second at every look: a turn of two seconds is three calls.

    One call comes before them, or a turn where a probe comes between; the context of a candidate is entered for each.
    """
    taken = []
    monkeypatch.setattr(timing, "settle", lambda: taken.append("settle"))
    monkeypatch.setattr(timing, "perf_counter", itertools.count().__next__)
    candidates = {name: lambda name=name: taken.append(name) for name in "ab"}
    candidates["b"].within = lambda: nullcontext(taken.append("within"))
    timing.paired(lambda: taken.append("p"), candidates, rounds=1, budget=1.0, turn=2.0)
    begun = ["a", "within", "b"]
    turns = ["settle", *"aaapppaaappp", "settle", "within", *"bbbppp", "within", *"bbbppp"]
    assert taken == ["p", *begun, "p", *begun, *turns]
    taken.clear()
    del candidates["b"].within
    timing.interleaved(candidates, rounds=1, budget=1.0, turn=2.0)
    assert taken == ["a", "b", "a", "b", "settle", *"aaaa", "settle", *"bbbb"]


@pytest.mark.slow
def test_ranks(measured):
    """Every job has its passes, and every job of several its exchanges."""
    rows = measured("ranks")
    by_job = [(row["candidate"], row["ranks"], row["n_rows"]) for row in rows]
    assert by_job == [
        (name, k, n)
        for name in ("PyTorch", "JAX")
        for k, sizes in ((1, (2000, 2000)), (2, (0, 0, 4000, 2000, 2000, 2000)))
        for n in sizes
    ]
    assert [row[:2] for row in ranks.tables(rows)["weak scaling"][1:]] == [("PyTorch", "2"), ("JAX", "2")]


def test_weak_scaling_is_told_beside_what_the_machine_has():
    """Two ranks that each take 3 s where one takes 2 have two thirds; where the machine gives 0.8 that is 5/6 of it."""
    whats = {"a pass by 2, as many a rank": 3, "a pass by one of 2, the others idle": 2}
    whats["a pass by 2 at once, nothing shared"] = 2.5
    rows = [{"candidate": "JAX", "ranks": 2, "data": data, "seconds": {"median": s}} for data, s in whats.items()]
    assert [f"{ratio:.9g}" for ratio in ranks.weak(rows, "JAX", 2)] == ["0.666666667", "0.8", "0.833333333"]


def test_the_model_of_ranks_is_what_the_times_were_made_of():
    alpha, beta, per_byte = 2e-4, 3e-9, 5e-10

    def row(data, k, count, seconds):
        return {"candidate": "JAX", "data": data, "ranks": k, "bytes": count, "seconds": {"median": seconds}}

    sizes = [(k, count) for k in (2, 3, 4) for count in (256, 8192, 2**22)]
    rows = [
        row(f"an exchange of {count} bytes by {k}", k, count, (k - 1) * (alpha + beta * count)) for k, count in sizes
    ]
    rows.append(row("a pass by 1, as many a rank", 1, 10**8, per_byte * 10**8))
    found = ranks.model(rows)
    assert found.keys() == {"JAX"}
    assert [float(f"{number:.9g}") for number in found["JAX"]] == [alpha, beta, per_byte]
    assert f"{ranks.predicted(*found['JAX'], 11):.9g}" == f"{0.05 + 10 * (alpha + beta * 2**14):.9g}"
