/** The numbers and sentences beside the plots, written into the page. */
import { confusion } from "./curve.js";
import { edgeFormula, edgeOfStability } from "./descent.js";
import { productNames } from "./features.js";
import { formula, weightName } from "./formula.js";
import { hessian, largestEigenvalue } from "./numerics.js";
import { aboutCurve, honesty } from "./story.js";
import { at, show, t } from "./text.js";

/** Write all of them; what a screen reader is told once the page is quiet comes back. named: {names, classes, probe}. */
export function writePanels(session, { names, classes, probe }) {
  const { setting, data, aside, all, made, theta, optimum, bare, separability, run } = session;
  const { value, gradient } = session.here;
  const curvature = theta.every(Number.isFinite) ? largestEigenvalue(hessian(data, theta, setting)) : NaN;
  const edge = edgeOfStability(setting.optimizer, curvature);
  const counts = confusion(data, theta, setting.threshold);
  writeNumbers(theta, value, gradient, curvature);
  writeConfusion(counts, data.y.length, aside && confusion(aside, theta, setting.threshold));
  writeEdge(setting, edge, edgeOfStability(setting.optimizer, session.curvatureAtOptimum));
  writeLines(at("formula"), formula({ lens: all.lens, theta, row: probe, names }));
  writeLegend(session, classes);
  at("about").textContent = aboutCurve(theta, all.lens, setting.standard, names);
  const told = { gone: session.gone, dependent: session.dependent, features: data.X.length === names.length ? names : productNames(data.X.length) };
  at("honesty").textContent = honesty({ separability, theta, optimum, bare, l2: setting.l2, truth: data.truth, ...told }).join(setting.lang === "zh" ? "" : " ");
  at("step-count").textContent = run.stopped ? t("steps.stopped", run.stopped) : t("steps.count", { count: String(run.state.t) });
  const right = rightOf(counts);
  return t("spoken", { loss: value, w: theta[0], b: theta.at(-1), right: String(right), rows: String(data.y.length), step: String(run.state.t) });
}

function writeNumbers(theta, value, gradient, curvature) {
  const names = theta.map((_, j) => (j === theta.length - 1 ? "b" : weightName(j, theta.length - 1)));
  const entries = [
    [t("numbers.loss"), show(value, 7)],
    ...names.map((name, j) => [`∂f/∂${name}`, show(gradient[j], 5)]),
    [t("numbers.slope"), show(Math.hypot(...gradient), 5)],
    [t("numbers.curvature"), show(curvature, 5)],
  ];
  const list = at("numbers");
  if (list.childElementCount !== entries.length) {
    list.replaceChildren(...entries.map(() => {
      const entry = document.createElement("div");
      entry.append(document.createElement("dt"), document.createElement("dd"));
      return entry;
    }));
  }
  entries.forEach(([name, text], k) => {
    [list.children[k].children[0].textContent, list.children[k].children[1].textContent] = [name, text];
  });
}

function writeLines(element, lines) {
  while (element.childElementCount > lines.length) element.lastChild.remove();
  while (element.childElementCount < lines.length) element.append(document.createElement("p"));
  lines.forEach((line, k) => (element.children[k].textContent = line));
}

/** What the marks stand for; those that are not on the plots are hidden. */
function writeLegend({ made, data, aside, run }, classes) {
  [at("legend-zero").textContent, at("legend-one").textContent] = classes;
  at("legend-truth").hidden = made.truth === null;
  at("legend-true").hidden = data.truth === null;
  at("legend-aside").hidden = aside === null;
  at("legend-losses").hidden = aside === null && run.order === null;
  at("legend-part").hidden = run.order === null;
  at("legend-test").hidden = aside === null;
}

const rightOf = (counts) => counts[0][0] + counts[1][1];

function writeConfusion(counts, rows, aside) {
  const cells = at("confusion").querySelectorAll("tbody td");
  counts.flat().forEach((count, k) => (cells[k].textContent = String(count)));
  at("confusion").caption.textContent = t("confusion", { right: String(rightOf(counts)), rows: String(rows) });
  at("confusion-aside").hidden = !aside;
  if (aside) at("confusion-aside").textContent = t("confusion.aside", { right: String(rightOf(aside)), rows: String(aside.flat().reduce((a, b) => a + b)) });
}

/** The step size against the edge of stability, which stands at the middle of the bar; each side is a factor of 100. */
function writeEdge({ lr, optimizer, lang }, edge, there) {
  const place = 50 + 25 * Math.log10(lr / edge);
  at("edge-here").style.left = `${Math.min(Math.max(place, 1), 99)}%`;
  at("edge-bar").parentElement.hidden = !Number.isFinite(edge);
  const key = optimizer === "adam" ? "edge.none" : !Number.isFinite(edge) ? "edge.flat" : lr < edge ? "edge.below" : "edge.above";
  const share = (whole) => show(lr / whole, lr < 10 * whole ? 2 : 4);
  const sentences = [t(key, { formula: edgeFormula(optimizer), edge, ratio: share(edge) })];
  if (Number.isFinite(there)) sentences.push(t("edge.there", { edge: there, ratio: share(there) }));
  at("edge").textContent = sentences.join(lang === "zh" ? "" : " ");
}
