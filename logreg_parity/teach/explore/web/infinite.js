/**
 * Where there is no optimum: which parameters run off, which way, and what becomes of the others. It says what
 * logreg_parity.truth.infinite says; a direction is proposed as it may come, and proved in whole numbers.
 */
import { EXACT } from "./numerics.js";
import { hull, newton, relations } from "./optimum.js";

const LIKELIHOOD = { form: "logits", reduction: "mean", l2: 0, r: EXACT };
const LONGEST = 60; // bits of the whole numbers that a direction of separable data may have

/**
 * {direction, goes, limits}, or null where no direction is proved: direction (D + 1,) of whole numbers, goes (D + 1,) "up",
 * "down", "finite" or "any", limits (D + 1,) of those that stay finite. Of data without an optimum under that l2.
 */
export function runaway(data, { l2 }) {
  let [left, direction] = [data, null];
  for (let found = proved(left); found; found = left.y.length ? proved(left) : null) {
    direction = direction ? together(data, direction, found) : found;
    const margins = exactMargins(left, found);
    left = rowsOf(left, margins.flatMap((margin, i) => (margin === 0n ? [i] : [])));
  }
  if (!direction) return null;
  const goes = direction.map((d) => (d > 0n ? "up" : d < 0n ? "down" : "any"));
  const limits = goes.map(() => NaN);
  const { free, theta } = left.y.length && !(l2 > 0) ? optimumOf(left) : {};
  for (let j = 0; j < goes.length; j++) {
    if (l2 > 0 && j < data.X.length) [goes[j], limits[j]] = ["finite", 0]; // one class: no slope, and the penalty is left
    else if (theta && goes[j] === "any" && !free[j]) [goes[j], limits[j]] = ["finite", theta[j]];
  }
  return { direction, goes, limits };
}

/** An optimum of rows that have one, 0 where a parameter depends on others, and which parameters may be anything there. */
function optimumOf({ X, y }) {
  const found = relations(X);
  const ones = y.reduce((sum, label) => sum + label, 0);
  const { theta } = X.length === found.length ? { theta: [...X.map(() => 0), Math.log(ones / (y.length - ones))] } : newtonOnKept({ X, y }, found);
  return { theta, free: [...X, null].map((_, j) => found.some(({ weights }) => weights[j] !== 0)) };
}

/** What Newton's method finds with 0 for the features that depend on others. */
function newtonOnKept({ X, y }, found) {
  const kept = [...X.keys()].filter((j) => !found.some(({ column }) => column === j));
  const { theta, along } = newton({ X: kept.map((j) => X[j]), y }, LIKELIHOOD);
  const whole = (point) => point && [...X.map((_, j) => (kept.includes(j) ? point[kept.indexOf(j)] : 0)), point.at(-1)];
  return { theta: whole(theta), along: whole(along) };
}

/** The first direction that is proposed and proves something: along it no row's loss rises, and that of some falls. */
function proved(data) {
  for (const direction of proposed(data)) {
    const margins = exactMargins(data, direction);
    if (margins.every((margin) => margin >= 0n) && margins.some((margin) => margin > 0n)) return simplest(direction);
  }
  return null;
}

/** Directions (D + 1,) of whole numbers: of one class the bias, else lines that part the classes, short ones first. */
function* proposed(data) {
  const bias = data.X.map(() => 0n);
  yield [...bias, 1n];
  yield [...bias, -1n];
  for (const line of data.X.length > 2 ? parting(data) : lines(data)) {
    const numbers = line.map(Number);
    const largest = Math.max(...numbers.map(Math.abs));
    for (let bits = 0; bits <= LONGEST && largest < Infinity; bits++) {
      const short = numbers.map((d) => BigInt(Math.round((d / largest) * 2 ** bits)));
      if (exactMargins(data, short).every((margin) => margin > 0n)) yield short;
    }
    if (data.X.length <= 2) yield line;
  }
}

/** The point at which Newton's method has parted all rows, if it has. */
function parting(data) {
  const { along } = newtonOnKept(data, relations(data.X));
  return along ? [along] : [];
}

/**
 * Lines that part one or two features, or touch both classes, exactly: of two the normals are those of the sides of the
 * classes' convex hulls, and the ways between the corners, along which segments part.
 */
function* lines({ X, y }) {
  const [zeros, ones] = [(label) => label < 1, (label) => label > 0].map((belongs) => {
    const rows = Array.from(y.keys()).filter((i) => belongs(y[i])).map((i) => X.map((x) => x[i]));
    return X.length === 2 && rows.length ? hull(rows) : rows;
  });
  const { place, unit } = binary([...zeros, ...ones].flat());
  const [low, high] = [zeros, ones].map((rows) => rows.map((row) => row.map((x) => inUnits(x, place))));
  for (const normal of X.length === 1 ? [[1n]] : normals(low, high)) {
    for (const sign of [1n, -1n]) {
      const way = normal.map((d) => sign * d);
      const along = (rows) => rows.map((row) => row.reduce((sum, x, j) => sum + x * way[j], 0n));
      const most = along(low).reduce((a, b) => (a > b ? a : b));
      const least = along(high).reduce((a, b) => (a < b ? a : b));
      if (most <= least) yield [...way.map((d) => 2n * d * unit), -(most + least)];
    }
  }
}

function normals(low, high) {
  const sides = [low, high].flatMap((corners) => corners.map((corner, i) => [corner, corners[(i + 1) % corners.length]]));
  const ways = [...sides, [low[0], high[0]]].map(([p, q]) => q.map((x, j) => x - p[j])).filter((way) => way.some((d) => d !== 0n));
  return [...ways.map(([x, y]) => [-y, x]), ...ways];
}

/** One direction so many times that, with another added, what grows along it still does. */
function together(data, one, other) {
  const size = (margin) => (margin < 0n ? -margin : margin);
  const most = exactMargins(data, other).map(size).reduce((a, b) => (a > b ? a : b));
  const least = exactMargins(data, one).filter((margin) => margin > 0n).reduce((a, b) => (a < b ? a : b));
  return simplest(one.map((d, j) => (1n + most / least) * d + other[j]));
}

/** (2y − 1)(w·x + b) of every row, as whole numbers of one unit; −|w·x + b| of a soft label, a row of both classes. */
export function exactMargins({ X, y }, direction) {
  const { place, unit } = binary(X.flatMap((x) => Array.from(x)));
  return Array.from(y, (label, i) => {
    const z = X.reduce((sum, x, j) => sum + direction[j] * inUnits(x[i], place), direction.at(-1) * unit);
    const negative = label === 0 || (label !== 1 && z > 0n);
    return negative ? -z : z;
  });
}

/** So many binary places that some numbers have, and 1 in units of the last. */
function binary(numbers) {
  let place = 0;
  for (const x of numbers) while (!Number.isInteger(x * 2 ** place)) place += 1;
  return { place, unit: 1n << BigInt(place) };
}

const inUnits = (x, place) => BigInt(x * 2 ** place);

/** The same direction in the smallest whole numbers. */
function simplest(direction) {
  const common = (a, b) => (b === 0n ? a : common(b, a % b));
  const divisor = direction.map((d) => (d < 0n ? -d : d)).reduce(common);
  return direction.map((d) => d / divisor);
}

const rowsOf = ({ X, y }, rows) => ({ X: X.map((x) => Float64Array.from(rows, (i) => x[i])), y: Float64Array.from(rows, (i) => y[i]) });
