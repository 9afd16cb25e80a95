/** What a pointer or the arrow keys do on the plots: drag the curve, the marker, and the points. */
import { toRows } from "./data.js";
import { logitAt } from "./features.js";

const NEAR = 14; // pixels
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const tidy = (x) => Number(x.toPrecision(4));

/**
 * Let people drag on both canvases. page: {session, plots: {curve, surface}, attempt(act), moveTo(theta), setRows(rows),
 * removeRow(row), select(row)}.
 */
export function bindPlots(curve, surface, page) {
  const place = (at) => moveMarker(page, at);
  onDrag(surface, page, place, place);
  surface.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const size = event.shiftKey ? 1 : 0.1;
    const moved = page.session.theta.map((x, j) => (j < 2 ? Number((x + size * step[j]).toFixed(6)) : x));
    page.attempt(() => page.moveTo(moved));
  });
  let drag = null;
  onDrag(
    curve,
    page,
    (at) => {
      page.held = page.plots.curve.ranges; // the axes stand still meanwhile
      drag = page.session.setting.edit ? grabPoint(page, at) : grabCurve(page, at);
    },
    (at) => drag?.(at),
  );
  curve.addEventListener("lostpointercapture", () => {
    page.held = null;
    page.attempt(() => page.change({}));
  });
  curve.addEventListener("dblclick", (event) => {
    const row = nearest(page, pixels(event));
    if (page.session.setting.edit && row !== null) page.attempt(() => page.removeRow(row));
  });
}

function onDrag(canvas, page, down, move) {
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    page.attempt(() => down(pixels(event)));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) page.attempt(() => move(pixels(event)));
  });
}

function pixels({ offsetX, offsetY }) {
  return [offsetX, offsetY];
}

function moveMarker({ session, plots, moveTo }, at) {
  const reach = session.setting.view;
  const point = plots.surface.back(...at).map((x) => tidy(Math.min(Math.max(x, -reach), reach)));
  moveTo([...point, ...session.theta.slice(2)]);
}

/** How the curve follows the pointer: grabbed in its middle it moves sideways, grabbed elsewhere it turns about it. */
function grabCurve({ session, plots, moveTo }, start) {
  const { mean, deviation } = session.all.lens;
  const inModel = (at) => plots.curve.back(...at).map((x, j) => (j < mean.length ? (x - mean[j]) / deviation[j] : x));
  if (mean.length === 2) return grabLine({ session, moveTo }, inModel, start);
  const [x0, p0] = inModel(start);
  const [w0, b0] = session.theta;
  if (w0 === 0 || Math.abs(p0 - 0.5) < 0.25) {
    const w = w0 || 1;
    return (at) => moveTo([w, tidy(b0 - w * (inModel(at)[0] - x0))]);
  }
  const middle = -b0 / w0;
  return (at) => {
    const [x, p] = inModel(at);
    const z = Math.log(Math.min(Math.max(p, 0.02), 0.98) / (1 - Math.min(Math.max(p, 0.02), 0.98)));
    if (Math.abs(x - middle) > 0.05) moveTo([tidy(z / (x - middle)), tidy((-z / (x - middle)) * middle)]);
  };
}

/** The decision line follows the pointer without turning; a curve that products bend does not. */
function grabLine({ session, moveTo }, inModel, start) {
  if (session.theta.length > 3) return null;
  const [w1, w2, b] = session.theta;
  const [x0, y0] = inModel(start);
  return (at) => {
    const [x, y] = inModel(at);
    moveTo([w1, w2, tidy(b - w1 * (x - x0) - w2 * (y - y0))]);
  };
}

/** The point under the pointer, or a new one there, follows it. */
function grabPoint(page, start) {
  const rows = toRows(page.session.made);
  let row = nearest(page, start);
  if (row === null) {
    row = rows.push(pointAt(page, start, null)) - 1;
    page.setRows(rows);
  }
  page.select(row);
  return (at) => page.setRows(rows.map((old, i) => (i === row ? pointAt(page, at, old) : old)));
}

/** The row that a place on the plot stands for: one feature's label is the nearer of 0 and 1. */
function pointAt({ session, plots }, at, old) {
  const [x, y] = plots.curve.back(...at).map(tidy);
  if (session.made.X.length === 1) return [x, y > 0.5 ? 1 : 0];
  return [x, y, old ? old[2] : logitAt(session.all.lens, session.theta, [x, y]) > 0 ? 1 : 0];
}

/** The row whose mark is nearest to a pixel, if it is near enough. */
function nearest({ session, plots }, [px, py]) {
  const { X, y } = session.made;
  let [row, least] = [null, NEAR];
  for (let i = 0; i < y.length; i++) {
    const distance = Math.hypot(plots.curve.x(X[0][i]) - px, plots.curve.y(X.length === 1 ? y[i] : X[1][i]) - py);
    if (distance < least) [row, least] = [i, distance];
  }
  return row;
}
