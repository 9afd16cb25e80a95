/**
 * The loss surface over two parameters: bands of equal loss, hatched where the chosen form of the loss is NaN or
 * infinite, and the path that descent has taken over it.
 */
import { objective } from "./numerics.js";
import { clipped, mark, palette, plot, stroke } from "./plot.js";

const SIDES = [21, 61]; // grid points along each side: a first picture, then the fine one
const BANDS = 16;

/**
 * The objective over a square grid as the first two parameters vary, a row at a time, so that the page stays alive
 * meanwhile: yields null after a row, and {values (side²), side} after each of the grids.
 */
export function* surface(data, theta, view, options) {
  for (const side of SIDES) {
    const values = new Float64Array(side * side);
    const at = (k) => view * ((2 * k) / (side - 1) - 1);
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        values[row * side + column] = objective(data, [at(column), at(row), ...theta.slice(2)], options);
      }
      yield null;
    }
    yield { values, side };
  }
}

/** A picture of the surface in bands, so many pixels wide and high. */
export function picture({ values, side }, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const g = canvas.getContext("2d");
  const image = g.createImageData(width, height);
  const { levels, low, high, hatch } = shading(values);
  for (let py = 0; py < height; py++) {
    for (let px = 0; px < width; px++) {
      const value = between(levels, side, (px / (width - 1)) * (side - 1), (1 - py / (height - 1)) * (side - 1));
      const colour = Number.isFinite(value) ? blend(low, high, Math.floor(value * BANDS) / BANDS) : hatched(value, px, py, low, hatch);
      image.data.set(colour, 4 * (py * width + px));
    }
  }
  g.putImageData(image, 0, 0);
  return canvas;
}

/** Every loss as a height from 0 to just below 1 on a scale that shows the valley; what is not finite stays so. */
function shading(values) {
  const finite = values.filter(Number.isFinite).sort();
  const lowest = finite[0] ?? 0;
  const unit = (finite[finite.length >> 3] ?? 1) - lowest || 1;
  const stretched = (value) => Math.log1p((value - lowest) / unit);
  const top = stretched(finite.at(-1) ?? 1) * (1 + 1e-9) || 1;
  const levels = values.map((value) => (Number.isFinite(value) ? Math.max(stretched(value), 0) / top : value));
  const { low, high, ink } = palette();
  return { levels, low: rgb(low), high: rgb(high), hatch: rgb(ink) };
}

/** The level between grid points; where a corner is not finite, that of the nearest corner. */
function between(levels, side, x, y) {
  const [column, row] = [Math.min(Math.floor(x), side - 2), Math.min(Math.floor(y), side - 2)];
  const [u, v] = [x - column, y - row];
  const at = row * side + column;
  const value = (1 - v) * ((1 - u) * levels[at] + u * levels[at + 1]) + v * ((1 - u) * levels[at + side] + u * levels[at + side + 1]);
  return Number.isFinite(value) ? value : levels[at + (u >= 0.5 ? 1 : 0) + (v >= 0.5 ? side : 0)];
}

/** Stripes one way for NaN, the other way for infinity. */
function hatched(value, px, py, base, line) {
  const place = Number.isNaN(value) ? px + py : px - py + 1000;
  return blend(base, line, Math.floor(place / 2) % 5 === 0 ? 0.55 : 0.12);
}

function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function blend(a, b, share) {
  return [...a.map((value, k) => Math.round(value + share * (b[k] - value))), 255];
}

/** Which of NaN and infinity occur on the surface. */
export function cliffs({ values }) {
  return { nan: values.some(Number.isNaN), infinite: values.some((value) => Math.abs(value) === Infinity) };
}

/** Draw; the plot comes back for the pointer. view: {ground, labels, path, theta, optimum, truth, recorded}. */
export function drawSurface(canvas, { ground, reach, labels, path, theta, optimum, truth, recorded }) {
  const made = plot(canvas, { x: [-reach, reach], y: [-reach, reach], labels });
  const { g, x, y, box } = made;
  const colours = palette();
  clipped(made, () => {
    if (ground) g.drawImage(ground, box.left, box.top, box.width, box.height);
    const pixels = (points) => points.map(([first, second]) => [x(first), y(second)]);
    g.lineWidth = 4;
    g.strokeStyle = colours.panel;
    stroke(g, pixels(path));
    g.lineWidth = 1.75;
    g.strokeStyle = colours.accent;
    stroke(g, pixels(path));
    if (path.length <= 200) for (const [px, py] of pixels(path)) mark(g, "circle", px, py, 2, { fill: colours.accent });
    for (const [name, run] of Object.entries(recorded)) {
      g.setLineDash(name === "torch" ? [] : [6, 6]); // one over the other, and both to be seen
      g.lineWidth = 2.5;
      g.strokeStyle = colours[name];
      stroke(g, pixels(run));
      g.setLineDash([]);
    }
  });
  marker(made, truth, (px, py) => mark(g, "cross", px, py, 5, { line: colours.ink, width: 2.5 }));
  marker(made, optimum, (px, py) => mark(g, "diamond", px, py, 6, { fill: colours.panel, line: colours.ink, width: 2 }));
  marker(made, theta, (px, py) => mark(g, "circle", px, py, 8, { fill: colours.accent, line: colours.panel, width: 2.5 }));
  return made;
}

/** A mark at a point, or, where that is out of sight, a triangle at the rim that points there. */
function marker({ g, x, y, box }, point, draw) {
  if (!point || !point.every(Number.isFinite)) return;
  const [px, py] = [x(point[0]), y(point[1])];
  const [qx, qy] = [held(px, box.left, box.left + box.width), held(py, box.top, box.top + box.height)];
  if (px === qx && py === qy) return draw(px, py);
  g.save();
  g.translate(held(px, box.left + 9, box.left + box.width - 9), held(py, box.top + 9, box.top + box.height - 9));
  g.scale(0.75, 0.75);
  draw(0, 0);
  g.restore();
}

const held = (value, low, high) => Math.min(Math.max(value, low), high);
