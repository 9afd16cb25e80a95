"""The explorer's guided story: eight steps, and every sentence of them, in both languages, is true of the page.

A step's texts are put together from the sentences below, so that none can be added without a check. A check is
JavaScript that runs on the page of its step.
"""

import json

import pytest

from logreg_parity.teach.explore.page import LANGUAGES, WEB

pytestmark = pytest.mark.slow

STEPS = range(1, 9)
HERE = """
  const { session: s, moveTo, change, settled } = logreg;
  const float64 = { form: 'logits', reduction: 'mean', l2: 0, r: (x) => x };
  const loss = (theta, data = s.data) => logreg.valueAndGradient(data, theta, float64).value;
  const slope = (theta) => logreg.valueAndGradient(s.data, theta, float64).gradient;
  const p = ([w, b], x) => 1 / (1 + Math.exp(-(w * x + b)));
  const off = (a, b) => Math.hypot(...a.map((x, j) => x - b[j]));
  const press = async (id) => { document.querySelector(id).click(); await settled(); };
  const set = async (patch) => { change(patch); await settled(); };
  const shown = (id) => document.getElementById(id).innerText;
"""
CLAIMS = {  # step: (English, Chinese, check), sentence by sentence
    1: [
        ("The curve is p = 1 / (1 + exp(−z)) with z = w x + b.", "曲线是 p = 1 / (1 + exp(−z))，其中 z = w x + b。",
         """const { x, y, back, box } = logreg.page.plots.curve;
         return [-7, -1, 0, 2, 5].every((at) => {
           moveTo([1, 0]);
           return p(s.theta, at) === 1 / (1 + Math.exp(-at)) && Number.isFinite(y(p(s.theta, at)));
         }) && shown('formula').includes('z = w · x + b')"""),
        ("Whatever z is, p lies between 0 and 1, so that it can be read as the probability of class 1.",
         "无论 z 是多少，p 都在 0 和 1 之间，所以可以读作类别 1 的概率。",
         "return [-800, -30, -1, 0, 1, 30, 800].every((z) => p([1, 0], z) >= 0 && p([1, 0], z) <= 1)"),
        ("Where z is 0 it is exactly ½; here that is at x = 0.", "z 为 0 时它恰好是 ½；这里是在 x = 0 处。",
         "return s.setting.at === 0 && s.theta[0] * 0 + s.theta[1] === 0 && shown('formula').includes('= 0.5')"),
        ("The odds p / (1 − p) are exp(z): every 1 of x multiplies them by exp(w), which is 2.718 here.",
         "几率 p / (1 − p) 等于 exp(z)：x 每增加 1，几率乘以 exp(w)，这里是 2.718。",
         """const odds = (x) => p(s.theta, x) / (1 - p(s.theta, x));
         return (odds(1) / odds(0)).toFixed(3) === '2.718' && shown('formula').includes('exp(1) = 2.718')"""),
    ],
    2: [
        ("A positive w makes the curve rise, a negative one makes it fall, and the further w is from 0 the steeper it "
         "is.",
         "w 为正曲线上升，为负则下降，w 离 0 越远曲线越陡。",
         """const rise = (w) => p([w, -w], 1.01) - p([w, -w], 0.99);
         return rise(2) > 0 && rise(-2) < 0 && rise(3) > rise(2) && rise(-3) < rise(-2)"""),
        ("It passes ½ at x = −b / w, which is 1 here.", "它在 x = −b / w 处经过 ½，这里是 1。",
         "return p(s.theta, 1) === 0.5 && shown('about').includes('−b / w = 1')"),
        ("Make b larger: as w is positive, the curve moves to the left.", "把 b 调大：因为 w 为正，曲线向左移。",
         "return p([2, -1], 0.5) === 0.5 && p(s.theta, 1) === 0.5"),
    ],
    3: [
        ("Every point costs −log of the probability that the curve gives to its label, and the loss is the mean.",
         "每个点的代价是 −log（曲线给它的标签的概率），损失是平均值。",
         """const given = (y, i) => (y ? p(s.theta, s.data.X[0][i]) : 1 - p(s.theta, s.data.X[0][i]));
         const costs = Array.from(s.data.y, (y, i) => -Math.log(given(y, i)));
         return (costs.reduce((a, b) => a + b) / costs.length).toFixed(6) === s.here.value.toFixed(6)"""),
        ("A curve that says ½ everywhere costs log 2 = 0.693; this one, which falls where it should rise, costs 2.654.",
         "处处说 ½ 的曲线代价是 log 2 = 0.693；这条曲线该升却降，代价是 2.654。",
         """return loss([0, 0]).toFixed(3) === '0.693' && Math.LN2.toFixed(3) === '0.693' && s.theta[0] < 0
           && s.optimum.theta[0] > 0 && s.here.value.toFixed(3) === '2.654'"""),
        ("Turn w to 2 and it costs 0.147.", "把 w 调到 2，代价就是 0.147。",
         "moveTo([2, 0]); await settled(); return s.here.value.toFixed(3) === '0.147'"),
        ("The map shows the loss for every w and b, and the large dot is where you are.",
         "地图显示每个 w 和 b 的损失，大圆点是你所在的位置。",
         """const { x, y } = logreg.page.plots.surface;
         const at = (w, b) => {
           const g = document.createElement('canvas').getContext('2d'), scale = window.devicePixelRatio;
           g.drawImage(document.getElementById('surface'), -x(w) * scale, -y(b) * scale);
           return g.getImageData(0, 0, 1, 1).data.join();
         };
         const dot = at(...s.theta);
         moveTo([3, 3]); await settled();
         return at(-1, 0) !== dot && at(3, 3) === dot"""),
    ],
    4: [
        ("The gradient says how the loss changes with w and b, and a step of descent goes against it.",
         "梯度说明损失怎样随 w 和 b 变化，下降的一步逆着它走。",
         """const [start, next] = s.run.path, g = slope(start);
         return g.every((slope, j) => (next[j] - start[j]) * slope < 0)
           && loss(start.map((x, j) => x - 1e-3 * g[j])) < loss(start)"""),
        ("Each of these 25 steps has lowered the loss, from 0.6931 to 0.1381.",
         "这 25 步每一步都降低了损失，从 0.6931 到 0.1381。",
         """const all = [...s.run.losses, s.here.value];
         return all.length === 26 && all.every((f, k) => k === 0 || f < all[k - 1])
           && all[0].toFixed(4) === '0.6931' && all[25].toFixed(4) === '0.1381'"""),
        ("At the optimum, the diamond, the gradient is 0 and the descent comes to rest.",
         "在最优点（菱形）梯度为 0，下降停下来。",
         """const best = s.optimum.theta, beside = (j, h) => slope(best.with(j, best[j] + h))[j];
         const zero = [0, 1].every((j) => beside(j, 1e-6) > 0 && beside(j, -1e-6) < 0);
         await set({ steps: 5000 });
         return zero && s.run.path.at(-1).join() === s.run.path.at(-2).join()"""),
        ("Since these labels were drawn honestly, it lies near the truth, the cross, but not on it.",
         "因为这些标签是诚实抽取的，它离真值（叉号）很近，但不重合。",
         """const apart = off(s.optimum.theta, s.data.truth);
         return s.setting.data === 'bernoulli' && apart > 0 && apart < 1"""),
    ],
    5: [
        ("Near the optimum a step below the edge of stability, 2 / λ with the largest curvature λ, comes nearer, and a "
         "longer one leads away.",
         "在最优点附近，步长小于稳定边界 2 / λ（λ 是最大曲率）会走近，更长则会走远。",
         """const best = s.optimum.theta, edge = logreg.edgeOfStability('sgd', s.curvatureAtOptimum);
         const after = (lr) => {
           let state = logreg.startAt(best.map((x) => x + 1e-4), (x) => x);
           for (let k = 0; k < 100; k++) ({ state } = logreg.step(s.data, state, { ...float64, optimizer: 'sgd', lr }));
           return off(state.theta, best);
         };
         const begun = Math.hypot(1e-4, 1e-4);
         return edge === 2 / s.curvatureAtOptimum && after(0.95 * edge) < begun && after(1.05 * edge) > begun"""),
        ("The edge there is 42.1, and the step is 60.", "那里的边界是 42.1，而步长是 60。",
         """const edge = 2 / s.curvatureAtOptimum;
         return edge.toFixed(1) === '42.1' && s.setting.lr === 60 && shown('edge').includes('42.1')"""),
        ("In the last ten of these 60 steps the loss went up as often as down.",
         "这 60 步的最后十步里，损失上升和下降的次数一样多。",
         """const last = [...s.run.losses, s.here.value].slice(-11);
         return s.run.losses.length === 60 && last.slice(1).filter((f, k) => f > last[k]).length === 5"""),
        ("Set the step size to 30 and take some hundred steps: the point stands still at the optimum.",
         "把步长设为 30，走几百步：点停在最优点不动。",
         """await set({ lr: 30, steps: 400 });
         const best = s.optimum.theta;
         const still = s.run.path.at(-1).join() === s.run.path.at(-2).join();
         return still && s.theta.every((x, j) => x.toFixed(5) === best[j].toFixed(5))"""),
    ],
    6: [
        ("One threshold parts these two classes.", "一个阈值就把两类分开。",
         """const of = (label) => s.data.X[0].filter((_, i) => s.data.y[i] === label);
         return s.separability === 'separable' && Math.max(...of(0)) < Math.min(...of(1))"""),
        ("A steeper curve through the gap always has a lower loss, so that w grows for ever: after 5000 steps it is "
         "11.79.",
         "穿过空隙的曲线越陡损失越低，所以 w 永远增大：5000 步后是 11.79。",
         """const through = (k) => loss(s.theta.map((x) => k * x));
         const grows = s.run.path.every(([w], k, all) => k === 0 || w > all[k - 1][0]);
         return [1, 2, 4, 8].every((k) => through(2 * k) < through(k)) && s.optimum.status === 'infinite' && grows
           && s.theta[0].toFixed(2) === '11.79'"""),
        ("More steps and more digits do not help; a penalty on w does.",
         "更多步数、更多位数都没有用；对 w 加惩罚才有用。",
         """const before = s.theta[0];
         await set({ steps: 20000, precision: 'float64' });
         const further = s.theta[0] > before && s.optimum.status === 'infinite';
         await set({ l2: 0.001 });
         return further && s.optimum.status === 'finite'"""),
        ("Set L2 to 0.01, and there is an optimum, with w = 2.536.", "把 L2 设为 0.01，就有了最优点，w = 2.536。",
         """await set({ l2: 0.01 });
         return s.optimum.status === 'finite' && s.optimum.theta[0].toFixed(3) === '2.536'"""),
    ],
    7: [
        ("The textbook’s loss takes log(1 − p).", "教科书的损失要取 log(1 − p)。",
         """const z = 0.75, cost = logreg.FORMS.textbook.loss(z, 0, (x) => x);
         return s.setting.form === 'textbook' && cost === -Math.log(1 - 1 / (1 + Math.exp(-z)))"""),
        ("In float32 p rounds to 1 from z = 16.64 on: 1 − p is 0, and its logarithm −∞.",
         "在 float32 里，从 z = 16.64 起 p 舍入为 1：1 − p 是 0，它的对数是 −∞。",
         """const cost = (z) => logreg.FORMS.textbook.loss(Math.fround(z), 0, Math.fround);
         return Number.isFinite(cost(16.63)) && [16.64, 17, 40].every((z) => cost(z) === Infinity)"""),
        ("Where y is 1 that is multiplied by 0, and 0 · −∞ is not a number.",
         "y 为 1 时它要乘以 0，而 0 · −∞ 不是一个数。",
         "return Number.isNaN(logreg.FORMS.textbook.loss(17, 1, Math.fround)) && Number.isNaN(0 * -Infinity)"),
        ("Press +25: the run stops, for the loss is NaN.", "按 +25：训练停下，因为损失是 NaN。",
         """const begun = s.run.stopped;
         await press("[data-steps='25']");
         return begun === null && Number.isNaN(s.run.stopped.value)"""),
        ("The hatched part of the map is lost in the same way; choose the form with logits and nothing is.",
         "地图上画斜线的部分同样丢失了；选择 logits 形式，就什么都不会丢。",
         """const hatched = () => ['legend-nan', 'legend-infinite'].some((id) => !document.getElementById(id).hidden);
         const before = hatched();
         await set({ form: 'logits' });
         return before && !hatched()"""),
    ],
    8: [
        ("With x₁ and x₂ alone, even the optimum has only 85 of these 140 points on the right side.",
         "只用 x₁ 和 x₂，即使在最优点，这 140 个点中也只有 85 个分对。",
         """await set({ degree: 1, steps: 0 });
         moveTo(s.optimum.theta); await settled();
         return shown('confusion').includes('85') && /85 of 140|140 个点中 85/.test(shown('confusion'))"""),
        ("With x₁², x₁x₂ and x₂² as further features it is still logistic regression, and the line z = 0 becomes an "
         "ellipse.",
         "加上特征 x₁²、x₁x₂ 和 x₂²，它仍然是逻辑回归，而 z = 0 的直线变成了椭圆。",
         """const [, , a, b, c] = s.theta;
         return shown('formula').includes('x₁² + w₄ · x₁x₂ + w₅ · x₂² + b') && 4 * a * c > b * b"""),
        ("The hollow points, 30 % of all, were set aside: no step has seen them.",
         "空心点占全部的 30 %，是留出的：没有任何一步见过它们。",
         """const before = s.run.path.join();
         const wrong = (y, i) => (s.rows.test.includes(i) ? 1 - y : y);
         const rows = Array.from(s.made.y, (y, i) => [s.made.X[0][i], s.made.X[1][i], wrong(y, i)]);
         await set({ data: 'points', points: rows });
         return s.rows.test.length === 0.3 * s.made.y.length && s.run.path.join() === before"""),
        ("The model has 135 of 140 of the others right and 53 of 60 of these: what counts is the second number.",
         "模型在其余的 140 个点中分对 135 个，在这 60 个点中分对 53 个：要看的是第二个数。",
         """return /135 of 140|140 个点中 135/.test(shown('confusion'))
           && /53 of 60|60 行中 53/.test(shown('confusion-aside')) && 53 / 60 < 135 / 140"""),
    ],
}  # fmt: skip


def texts(language):
    return json.loads((WEB / f"text.{language}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_without_a_check(language):
    between, place = (" ", 0) if language == "en" else ("", 1)
    for step in STEPS:
        assert texts(language)[f"guide.{step}.text"] == between.join(claim[place] for claim in CLAIMS[step]), step


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("step", STEPS)
def test_every_sentence_is_true(explorer, step, language):
    for claim in CLAIMS[step]:
        explorer.open(f"lang={language}")
        explorer.ask("(step) => logreg.guide(step)", step)
        explorer.settle()
        assert claim[0 if language == "en" else 1] in explorer.text("#guide-text")
        assert explorer.ask(f"async () => {{ {HERE} {claim[2]} }}"), claim[0]


def test_the_story_by_its_buttons(explorer):
    explorer.tab.locator("#guide-open").click()
    for step in STEPS:
        explorer.settle()
        assert explorer.setting("guide") == step
        assert explorer.text("#guide-title").startswith(f"{step} of {len(STEPS)}: ")
        assert explorer.ask("document.activeElement.id") == "guide-title"
        explorer.tab.locator("#guide-next").click(force=step == len(STEPS))
    assert explorer.tab.locator("#guide-next").is_disabled() and explorer.setting("guide") == len(STEPS)
    explorer.tab.locator("[data-field=degree]").select_option("1")
    explorer.tab.locator("#guide-again").click()
    assert explorer.setting("degree") == 2 and explorer.setting("guide") == len(STEPS)
    explorer.tab.locator("#guide-back").click()
    assert explorer.setting("guide") == len(STEPS) - 1
    explorer.tab.locator("#guide-close").click()
    explorer.settle()
    assert explorer.tab.locator("#guide").is_hidden() and explorer.setting("form") == "textbook"
    assert explorer.ask("document.activeElement.id") == "guide-open"


def test_a_step_is_in_the_address(explorer):
    explorer.ask("logreg.guide(6)")
    explorer.open(explorer.ask("logreg.link()").split("#")[1])
    assert explorer.text("#guide-title").startswith("6 of 8: ")
