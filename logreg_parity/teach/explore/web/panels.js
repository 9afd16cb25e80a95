/** The numbers and sentences beside the plots, written into the page. */
import { confusion } from "./curve.js";
import { edgeOfStability } from "./descent.js";
import { hessian, largestEigenvalue } from "./numerics.js";
import { aboutCurve, honesty } from "./story.js";
import { at, show, t } from "./text.js";

/** Write all of them; `spoken` is what a screen reader is told once the page is quiet. */
export function writePanels(session) {
  const { setting, data, theta, optimum, bare, run } = session;
  const { value, gradient } = session.here;
  const curvature = theta.every(Number.isFinite) ? largestEigenvalue(hessian(data, theta, setting)) : NaN;
  const edge = edgeOfStability(setting.optimizer, curvature);
  const counts = confusion(data, theta, setting.threshold);
  writeNumbers(theta, value, gradient, curvature);
  writeConfusion(counts, data.y.length);
  writeEdge(setting, edge);
  at("about").textContent = aboutCurve(theta);
  at("honesty").textContent = honesty({ data, theta, optimum, bare, l2: setting.l2, truth: data.truth }).join(setting.lang === "zh" ? "" : " ");
  at("step-count").textContent = run.stopped ? t("steps.stopped", run.stopped) : t("steps.count", { count: String(run.state.t) });
  at("legend-truth").hidden = data.truth === null;
  const right = counts[0][0] + counts[1][1];
  return t("spoken", { loss: value, w: theta[0], b: theta.at(-1), right: String(right), rows: String(data.y.length), step: String(run.state.t) });
}

function writeNumbers(theta, value, gradient, curvature) {
  const names = theta.length === 3 ? ["w₁", "w₂", "b"] : ["w", "b"];
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

function writeConfusion(counts, rows) {
  const cells = at("confusion").querySelectorAll("tbody td");
  counts.flat().forEach((count, k) => (cells[k].textContent = String(count)));
  at("confusion").caption.textContent = t("confusion", { right: String(counts[0][0] + counts[1][1]), rows: String(rows) });
}

/** The step size against the edge of stability, which stands at the middle of the bar; each side is a factor of 100. */
function writeEdge({ lr, optimizer }, edge) {
  const place = 50 + 25 * Math.log10(lr / edge);
  at("edge-here").style.left = `${Math.min(Math.max(place, 1), 99)}%`;
  at("edge-bar").parentElement.hidden = !Number.isFinite(edge);
  const key = optimizer === "adam" ? "edge.none" : !Number.isFinite(edge) ? "edge.flat" : lr < edge ? "edge.below" : "edge.above";
  at("edge").textContent = t(key, { edge, ratio: show(lr / edge, 2) });
}
