/** What all plots share: a canvas sharp on every screen, two axes with round numbers, and the page's colours. */
import { show } from "./text.js";

let colours = null;

/** The colours of style.css, light or dark. */
export function palette() {
  if (colours === null) {
    const style = getComputedStyle(document.documentElement);
    const names = ["ink", "soft", "faint", "line", "panel", "zero", "one", "truth", "accent", "torch", "jax", "test", "low", "high"];
    colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }
  return colours;
}

/** Read the colours again: light has become dark, or the other way round. */
export function forgetPalette() {
  colours = null;
}

const PAD = { left: 46, right: 20, top: 20, bottom: 36 };
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", sans-serif';

/**
 * A cleared canvas with axes: {g, x, y, back, box, width, height}. x and y lead from values to pixels, back from pixels
 * to [x, y]. axes: {x: [low, high], y: [low, high], labels: [x, y], ticks: [x, y] or none for round numbers}.
 */
export function plot(canvas, { x: [x0, x1], y: [y0, y1], labels, ticks = [] }) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const g = canvas.getContext("2d");
  g.setTransform(scale, 0, 0, scale, 0, 0);
  g.clearRect(0, 0, width, height);
  g.font = FONT;
  const box = { left: PAD.left, top: PAD.top, width: width - PAD.left - PAD.right, height: height - PAD.top - PAD.bottom };
  const x = (value) => box.left + ((value - x0) / (x1 - x0)) * box.width;
  const y = (value) => box.top + ((y1 - value) / (y1 - y0)) * box.height;
  const back = (px, py) => [x0 + ((px - box.left) / box.width) * (x1 - x0), y1 - ((py - box.top) / box.height) * (y1 - y0)];
  const made = { g, x, y, back, box, width, height };
  axis(made, labels, [ticks[0] ?? roundNumbers(x0, x1, box.width / 70), ticks[1] ?? roundNumbers(y0, y1, box.height / 45)]);
  return made;
}

function axis({ g, x, y, box }, [below, beside], [across, up]) {
  const { soft, line } = palette();
  g.strokeStyle = line;
  g.fillStyle = soft;
  g.lineWidth = 1;
  g.textBaseline = "top";
  g.textAlign = "center";
  for (const value of across) {
    stroke(g, [[x(value), box.top], [x(value), box.top + box.height]]);
    g.fillText(show(value), x(value), box.top + box.height + 6);
  }
  g.textAlign = "right";
  g.textBaseline = "middle";
  for (const value of up) {
    stroke(g, [[box.left, y(value)], [box.left + box.width, y(value)]]);
    g.fillText(show(value, 3), box.left - 6, y(value));
  }
  g.textBaseline = "bottom";
  g.fillText(below, box.left + box.width, box.top + box.height + 35);
  g.textAlign = "left";
  g.textBaseline = "top";
  g.fillText(beside, box.left, 2);
}

/** Round numbers from low to high, about so many. */
export function roundNumbers(low, high, count) {
  const rough = (high - low) / Math.max(count, 2);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const numbers = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) numbers.push(Number((k * step).toPrecision(12)));
  return numbers;
}

/** A line through pixels [x, y]; pixels that are not finite break it. */
export function stroke(g, pixels) {
  g.beginPath();
  let broken = true;
  for (const [x, y] of pixels) {
    const finite = Number.isFinite(x) && Number.isFinite(y);
    if (finite && broken) g.moveTo(x, y);
    else if (finite) g.lineTo(x, y);
    broken = !finite;
  }
  g.stroke();
}

/** Draw inside the axes only. */
export function clipped({ g, box }, draw) {
  g.save();
  g.beginPath();
  g.rect(box.left, box.top, box.width, box.height);
  g.clip();
  draw();
  g.restore();
}

/** Marks that differ in shape as well as in colour. */
export const MARKS = {
  circle: (g, x, y, size) => g.arc(x, y, size, 0, 2 * Math.PI),
  square: (g, x, y, size) => g.rect(x - size, y - size, 2 * size, 2 * size),
  diamond(g, x, y, size) {
    for (const [dx, dy] of [[0, -1], [1, 0], [0, 1], [-1, 0]]) g.lineTo(x + 1.3 * size * dx, y + 1.3 * size * dy);
    g.closePath();
  },
  cross(g, x, y, size) {
    for (const sign of [1, -1]) {
      g.moveTo(x - size, y - sign * size);
      g.lineTo(x + size, y + sign * size);
    }
  },
};

export function mark(g, shape, x, y, size, { fill, line, width = 1.5 }) {
  g.beginPath();
  MARKS[shape](g, x, y, size);
  if (fill) {
    g.fillStyle = fill;
    g.fill();
  }
  if (line) {
    g.strokeStyle = line;
    g.lineWidth = width;
    g.stroke();
  }
}
