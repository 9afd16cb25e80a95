/** The loss over the steps, and how far the recorded runs are from this page's, in ulps. */
import { clipped, mark, palette, plot, stroke } from "./plot.js";
import { t } from "./text.js";

const DETAIL = 600; // points drawn of a curve, no more than there are pixels

/**
 * The loss at every step, the lowest loss there can be as a dotted line; each step's own mini-batch and the rows set aside
 * beside it, where there are any. view: {losses, parts, aside, lowest}.
 */
export function drawLosses(canvas, { losses, parts, aside, lowest }) {
  const finite = [...losses, ...thinned(parts), ...thinned(aside)].filter(Number.isFinite);
  const [low, high] = [Math.min(lowest ?? Infinity, ...thinned(finite)), Math.max(...thinned(finite), 0)];
  const bottom = Number.isFinite(low) ? Math.min(low, high) : 0;
  const margin = (high - bottom) * 0.08 || 0.5;
  const last = Math.max(losses.length - 1, 10);
  const made = plot(canvas, { x: [0, last], y: [bottom - margin, high + margin], labels: [t("plot.step"), t("plot.loss")] });
  const { g, x, y, box } = made;
  const { accent, soft, test } = palette();
  const line = (values, colour, width) => {
    [g.strokeStyle, g.lineWidth] = [colour, width];
    stroke(g, thinned(values.map((loss, step) => [step, loss])).map(([step, loss]) => [x(step), y(loss)]));
  };
  clipped(made, () => {
    g.globalAlpha = 0.55;
    line(parts, soft, 1);
    g.globalAlpha = 1;
    g.lineWidth = 1.5;
    g.strokeStyle = soft;
    g.setLineDash([2, 4]);
    if (lowest !== undefined) stroke(g, [[box.left, y(lowest)], [box.left + box.width, y(lowest)]]);
    g.setLineDash([]);
    line(losses, accent, 2.25);
    g.setLineDash([6, 3]);
    line(aside, test, 2);
    g.setLineDash([]);
  });
  if (Number.isFinite(losses.at(-1))) mark(g, "circle", x(losses.length - 1), y(losses.at(-1)), 4, { fill: accent });
}

/** The distances in ulps, on a scale of log(1 + ulps). view: {torch, jax}: one distance a step each. */
export function drawUlps(canvas, distances) {
  const all = Object.values(distances).flat();
  const highest = Math.max(1, ...thinned(all));
  const last = Math.max(distances.torch.length - 1, 10);
  const marks = [0, 1, 3, 10, 30, 100, 1000, 1e4, 1e6, 1e9].filter((ulps) => ulps <= highest * 1.05);
  const scale = (ulps) => Math.log1p(ulps);
  const made = plot(canvas, {
    x: [0, last], y: [-0.08 * scale(highest), 1.3 * scale(highest)], labels: [t("plot.step"), t("plot.ulps")], ticks: [undefined, []],
  });
  const { g, x, y, box } = made;
  const colours = palette();
  g.textAlign = "right";
  g.textBaseline = "middle";
  g.fillStyle = colours.soft;
  let above = Infinity; // where the last number stands; the next has to leave room for it
  for (const ulps of marks) {
    const place = y(scale(ulps));
    if (above - place < 14) continue;
    g.fillText(String(ulps), box.left - 6, place);
    above = place;
  }
  clipped(made, () => {
    g.lineWidth = 1.75;
    for (const [name, run] of Object.entries(distances)) {
      g.setLineDash(name === "torch" ? [] : [4, 3]);
      g.strokeStyle = colours[name];
      stroke(g, thinned(run.map((ulps, step) => [step, ulps])).map(([step, ulps]) => [x(step), y(scale(ulps))]));
    }
    g.setLineDash([]);
  });
}

/** At most about DETAIL entries of a list, the last one among them. */
function thinned(list) {
  const stride = Math.ceil(list.length / DETAIL);
  return stride <= 1 ? list : list.filter((_, k) => k % stride === 0 || k === list.length - 1);
}
