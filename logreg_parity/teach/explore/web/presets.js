/** Settings worth looking at, good and bad. Each has a title and a comment in the texts, preset.<name> and preset.<name>.why. */
import { DEFAULTS } from "./setting.js";

const PUBLISHED = { reduction: "sum", lr: 1e-4, w: 1.0922641774757724, b: -0.1883343121604675 };

/** What may change without leaving a preset. */
const FREE = ["lang", "hide", "tab", "pace", "view", "overlay", "edit", "steps", "threshold", "by", "at", "at2", "guide"];

export const PRESETS = {
  free: {},
  published: { ...PUBLISHED, steps: 5000, pace: 100 },
  slow: { ...PUBLISHED, reduction: "mean", steps: 5000, pace: 100 },
  cliff: { ...PUBLISHED, form: "textbook", w: 2.9, b: 1.75, lr: 0.01, pace: 25 },
  separable: { seed: 3, lr: 0.9, steps: 5000, pace: 100, view: 20 },
  penalty: { seed: 3, lr: 0.5, l2: 0.01, steps: 1000, pace: 25 },
  honest: { data: "bernoulli", lr: 0.5, steps: 1000, pace: 25 },
  soft: { data: "soft", lr: 0.5, steps: 5000, pace: 100 },
  edge: { data: "bernoulli", w: 4, b: -4, lr: 60, steps: 60, pace: 1, view: 10 },
  momentum: { data: "bernoulli", w: -2, b: -4, optimizer: "momentum", lr: 0.1, steps: 200, pace: 1, view: 10 },
  batches: { data: "bernoulli", lr: 0.5, batch: 10, steps: 200, pace: 25 },
  plane: { data: "plane", lr: 0.3, steps: 200, pace: 1 },
  xor: { data: "xor", n: 200, tw: 4, degree: 2, lr: 1, steps: 300, pace: 25 },
  circles: { data: "circles", n: 200, tw: 4, degree: 2, test: 0.3, lr: 1, steps: 300, pace: 25 },
  moons: { data: "moons", n: 200, degree: 3, test: 0.3, lr: 1, l2: 0.001, steps: 1000, pace: 100 },
};

/** The setting of a preset; language and what is hidden stay as they are. */
export function presetSetting(name, { lang, hide }) {
  return { ...DEFAULTS, ...PRESETS[name], lang, hide };
}

/** The name of the preset that a setting is, or "own". */
export function presetOf(setting) {
  const same = (wanted) => Object.keys(DEFAULTS).every((name) => FREE.includes(name) || wanted[name] === setting[name]);
  return Object.keys(PRESETS).find((name) => same(presetSetting(name, setting))) ?? "own";
}
