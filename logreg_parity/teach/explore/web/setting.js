/**
 * A setting: everything that makes the page show what it shows, and its text in the URL's hash.
 * Only what differs from DEFAULTS stands in the hash, so that a link is short and tells what is special about it.
 */
import { MOST_ROWS, TWO_FEATURES, problemOfRows, tidyName } from "./data.js";
import { OPTIMIZERS } from "./descent.js";
import { widthOf } from "./features.js";
import { FORMS, ROUNDINGS } from "./numerics.js";

/** The most steps that a run may have. */
export const MOST_STEPS = 20000;
/** What a link may hide, for use in class. */
export const GROUPS = ["guide", "presets", "data", "point", "formula", "loss", "descent", "numbers", "surface", "history", "honesty", "code"];
export const PACES = [1, 5, 25, 100];
/** How far the loss surface reaches from 0. */
export const VIEWS = [5, 10, 20, 50, 100];
/** The share of the rows that is set aside for a test. */
export const ASIDE = [0, 0.1, 0.2, 0.3, 0.5];
/** The number of steps of the guide; 0 is the page without it. */
export const GUIDE_STEPS = 8;

/** The language of the browser, if the page speaks it. */
const OWN_LANGUAGE = navigator.languages.map((name) => name.slice(0, 2)).find((name) => name === "en" || name === "zh") ?? "en";

export const DEFAULTS = Object.freeze({
  data: "lesson", n: 100, noise: "uniform", level: 1, tw: 2, tw2: -1, tb: 1, seed: 0, points: null, names: null,
  classes: null, standard: false, degree: 1, test: 0, batch: 0,
  w: 0, w2: 0, rest: [], b: 0, at: null, at2: null, by: "wb", threshold: 0.5,
  form: "logits", reduction: "mean", precision: "float32", l2: 0,
  optimizer: "sgd", lr: 0.5, steps: 0, pace: 1,
  view: 5, overlay: true, edit: false, lang: OWN_LANGUAGE, tab: "explore", guide: 0, hide: [],
});

/** A kind of value: read(text) gives it or throws the text of what is wanted; write(value) gives the text. */
const choice = (...names) => ({
  read: (text) => demand(names.includes(text), text, names.join(", ")),
  write: String,
});
const number = (low, high) => ({
  read: (text) => demand(text.trim() !== "" && Number(text) >= low && Number(text) <= high, Number(text), `${low} … ${high}`),
  write: String,
});
const whole = (low, high) => ({
  read(text) {
    const value = number(low, high).read(text);
    return demand(Number.isInteger(value), value, `${low}, ${low + 1}, … ${high}`);
  },
  write: String,
});
const oneOf = (...values) => ({
  read: (text) => demand(values.includes(Number(text)), Number(text), values.join(", ")),
  write: String,
});
const flag = { read: (text) => demand(text === "1" || text === "0", text === "1", "0, 1"), write: (value) => (value ? "1" : "0") };
const list = (names) => ({
  read(text) {
    const chosen = text === "" ? [] : text.split(",");
    return demand(chosen.every((name) => names.includes(name)), chosen, names.join(", "));
  },
  write: (value) => value.join(","),
});
const rows = {
  read(text) {
    const value = text.split(";").map((row) => row.split(",").map((cell) => (cell.trim() === "" ? NaN : Number(cell))));
    return demand(problemOfRows(value) === null, value, "x,y;x,y;… (y 0 … 1)");
  },
  write: (value) => value.map((row) => row.join(",")).join(";"),
};

const texts = {
  read(text) {
    const value = text.split(",");
    return demand(value.every((name) => name === tidyName(name)), value, "a,b,… (24)");
  },
  write: (value) => value.join(","),
};
const numbers = {
  read(text) {
    const value = text === "" ? [] : text.split(",").map((cell) => (cell.trim() === "" ? NaN : Number(cell)));
    return demand(value.every((x) => Math.abs(x) <= 1e6) && value.length <= 7, value, "-1000000 … 1000000, …");
  },
  write: (value) => value.join(","),
};
/** An empty text for what the page is to choose. */
const or = (kind) => ({ read: (text) => (text.trim() === "" ? null : kind.read(text)), write: kind.write });

function demand(holds, value, wanted) {
  if (!holds) throw new RangeError(wanted);
  return value;
}

const parameter = number(-1e6, 1e6);
export const FIELDS = {
  data: choice("lesson", "bernoulli", "soft", ...Object.keys(TWO_FEATURES), "points"),
  n: whole(2, MOST_ROWS), noise: choice("uniform", "normal", "none"), level: number(0, 100),
  tw: number(-100, 100), tw2: number(-100, 100), tb: number(-100, 100), seed: whole(0, 2 ** 32 - 1), points: rows,
  names: texts, classes: texts, standard: flag, degree: whole(1, 3), test: oneOf(...ASIDE), batch: whole(0, MOST_ROWS),
  w: parameter, w2: parameter, rest: numbers, b: parameter, at: or(parameter), at2: or(parameter), by: choice("wb", "sm"), threshold: number(0.01, 0.99),
  form: choice(...Object.keys(FORMS)), reduction: choice("mean", "sum"), precision: choice(...Object.keys(ROUNDINGS)),
  l2: number(0, 1e6),
  optimizer: choice(...OPTIMIZERS), lr: number(1e-12, 1e6), steps: whole(0, MOST_STEPS),
  pace: oneOf(...PACES), view: oneOf(...VIEWS), overlay: flag, edit: flag, lang: choice("en", "zh"),
  tab: { read: (text) => demand(/^[a-z]+$/.test(text), text, "explore, code, …"), write: String }, guide: whole(0, GUIDE_STEPS),
  hide: list(GROUPS),
};

/** The value that the text of a field stands for; throws a problem {key, values} in words for people. */
export function readField(name, text) {
  try {
    return FIELDS[name].read(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw problem("problem.value", { name, came: text.slice(0, 40), wanted: error.message });
  }
}

/** A problem that is told to the user. */
export function problem(key, values) {
  return Object.assign(new Error(key), { key, values });
}

/** The hash of a setting, without the "#". */
export function toHash(setting) {
  return Object.keys(FIELDS)
    .map((name) => [name, setting[name] === null ? "" : FIELDS[name].write(setting[name])])
    .filter(([name, text]) => text !== (DEFAULTS[name] === null ? "" : FIELDS[name].write(DEFAULTS[name])))
    .map(([name, text]) => `${name}=${encodeURIComponent(text).replaceAll("%2C", ",").replaceAll("%3B", ";")}`)
    .join("&");
}

/** The setting of a hash; throws a problem for anything that it does not understand, and takes none of it. */
export function fromHash(hash) {
  const setting = { ...DEFAULTS };
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, "").replaceAll("+", "%2B"))) {
    if (!(name in FIELDS)) throw problem("problem.name", { name: name.slice(0, 40), wanted: Object.keys(FIELDS).join(", ") });
    setting[name] = readField(name, text);
  }
  return setting;
}

/** The setting, if its parts go together; throws a problem where they do not. */
export function checked(setting) {
  if (setting.data === "points" && setting.points === null) throw problem("problem.nopoints", {});
  const own = setting.data === "points";
  for (const [name, count] of [["names", columnCount(setting)], ["classes", 2]]) {
    if (setting[name] !== null && !(own && setting[name].length === count)) throw problem("problem.names", { name, count: String(own ? count : 0) });
  }
  return setting;
}

/** The number of features that people see, 1 or 2. */
export function columnCount({ data, points }) {
  if (data === "points") return points[0].length - 1;
  return data in TWO_FEATURES ? 2 : 1;
}

/** D, the number of features that the model gets. */
export function featureCount(setting) {
  return widthOf(columnCount(setting), setting.degree);
}

/** The start (D + 1,) of a run, the bias last. */
export function startPoint(setting) {
  const { w, w2, rest, b } = setting;
  return [...Array.from({ length: featureCount(setting) }, (_, j) => [w, w2, ...rest][j] ?? 0), b];
}

/** What a point (D + 1,) is in a setting: {w, w2, rest, b}. */
export function startFields(theta, { w2 }) {
  const weights = theta.slice(0, -1);
  return { w: weights[0], w2: weights[1] ?? w2, rest: weights.slice(2), b: theta.at(-1) };
}
