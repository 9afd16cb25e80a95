/**
 * A setting: everything that makes the page show what it shows, and its text in the URL's hash.
 * Only what differs from DEFAULTS stands in the hash, so that a link is short and tells what is special about it.
 */
import { MOST_ROWS, problemOfRows } from "./data.js";
import { OPTIMIZERS } from "./descent.js";
import { FORMS, ROUNDINGS } from "./numerics.js";

/** The most steps that a run may have. */
export const MOST_STEPS = 20000;
/** What a link may hide, for use in class. */
export const GROUPS = ["presets", "data", "point", "loss", "descent", "numbers", "surface", "history", "honesty", "code"];
export const PACES = [1, 5, 25, 100];
/** How far the loss surface reaches from 0. */
export const VIEWS = [5, 10, 20, 50, 100];

export const DEFAULTS = Object.freeze({
  data: "lesson", n: 100, noise: "uniform", level: 1, tw: 2, tw2: -1, tb: 1, seed: 0, points: null,
  w: 0, w2: 0, b: 0, by: "wb", threshold: 0.5,
  form: "logits", reduction: "mean", precision: "float32", l2: 0,
  optimizer: "sgd", lr: 0.5, steps: 0, pace: 1,
  view: 5, overlay: true, edit: false, lang: "en", tab: "explore", hide: [],
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

function demand(holds, value, wanted) {
  if (!holds) throw new RangeError(wanted);
  return value;
}

const parameter = number(-1e6, 1e6);
export const FIELDS = {
  data: choice("lesson", "bernoulli", "soft", "plane", "points"),
  n: whole(2, MOST_ROWS), noise: choice("uniform", "normal", "none"), level: number(0, 100),
  tw: number(-100, 100), tw2: number(-100, 100), tb: number(-100, 100), seed: whole(0, 2 ** 32 - 1), points: rows,
  w: parameter, w2: parameter, b: parameter, by: choice("wb", "sm"), threshold: number(0.01, 0.99),
  form: choice(...Object.keys(FORMS)), reduction: choice("mean", "sum"), precision: choice(...Object.keys(ROUNDINGS)),
  l2: number(0, 1e6),
  optimizer: choice(...OPTIMIZERS), lr: number(1e-12, 1e6), steps: whole(0, MOST_STEPS),
  pace: oneOf(...PACES), view: oneOf(...VIEWS), overlay: flag, edit: flag, lang: choice("en", "zh"),
  tab: { read: (text) => demand(/^[a-z]+$/.test(text), text, "explore, code, …"), write: String }, hide: list(GROUPS),
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
  return setting;
}

/** D, the number of features. */
export function featureCount({ data, points }) {
  if (data === "points") return points[0].length - 1;
  return data === "plane" ? 2 : 1;
}

/** The start (D + 1,) of a run, the bias last. */
export function startPoint(setting) {
  const { w, w2, b } = setting;
  return featureCount(setting) === 2 ? [w, w2, b] : [w, b];
}
