/**
 * What follows from a setting: data, optimum, run. Each part is kept until something that it depends on changes; a run
 * is taken again, from its start and for as many steps, so that what is shown is always what the setting says.
 */
import { makeData, roundData } from "./data.js";
import { startAt, step } from "./descent.js";
import { EXACT, ROUNDINGS, valueAndGradient } from "./numerics.js";
import { findOptimum } from "./optimum.js";
import { DEFAULTS, startPoint } from "./setting.js";

const DATA = ["data", "n", "noise", "level", "tw", "tw2", "tb", "seed", "points"];
const LOSS = [...DATA, "reduction", "l2"];
const RUN = [...LOSS, "form", "precision", "optimizer", "lr", "w", "w2", "b"];

export class Session {
  setting = { ...DEFAULTS };
  #kept = {};

  /** Take a setting; a value of it may be anything that its field allows. */
  take(setting) {
    this.setting = setting;
  }

  /** The value of make(), made again only when one of these fields has changed. */
  #keep(name, fields, make) {
    const values = fields.map((field) => this.setting[field]);
    const kept = this.#kept[name];
    if (kept && kept.values.every((value, k) => value === values[k])) return kept.made;
    this.#kept[name] = { values, made: make() };
    return this.#kept[name].made;
  }

  /** The data in float64. */
  get data() {
    return this.#keep("data", DATA, () => makeData(this.setting));
  }

  /** The data as the program of the chosen precision sees it. */
  get rounded() {
    return this.#keep("rounded", [...DATA, "precision"], () => roundData(this.data, this.options.r));
  }

  get options() {
    const { form, reduction, l2, optimizer, lr, precision } = this.setting;
    return { form, reduction, l2, optimizer, lr, r: ROUNDINGS[precision] };
  }

  get optimum() {
    return this.#keep("optimum", LOSS, () => findOptimum(this.data, this.setting));
  }

  /** The optimum without L2. */
  get bare() {
    const { reduction } = this.setting;
    return this.#keep("bare", [...DATA, "reduction"], () => findOptimum(this.data, { reduction, l2: 0 }));
  }

  /** {state, path, losses, stopped}: path[k] is the point after k steps, losses[k] the objective there. */
  get run() {
    const begun = () => {
      const state = startAt(startPoint(this.setting), this.options.r);
      return { state, path: [state.theta], losses: [], stopped: null };
    };
    const run = this.#keep("run", RUN, begun);
    return run.state.t <= this.setting.steps ? run : this.#again(begun);
  }

  #again(begin) {
    this.#kept.run.made = begin();
    return this.#kept.run.made;
  }

  get theta() {
    return this.run.state.theta;
  }

  /** Objective and gradient at the present point, in the chosen form and precision. */
  get here() {
    return valueAndGradient(this.rounded, this.theta, this.options);
  }

  /** The objective at the present point as exact as float64 and logits make it. */
  get exactHere() {
    return valueAndGradient(this.data, this.theta, { ...this.options, form: "logits", r: EXACT });
  }

  /** Take steps until the run has as many as the setting says, or the time is up; whether any are left to take. */
  advance(deadline) {
    const { run, rounded, options } = this;
    while (run.state.t < this.setting.steps && !run.stopped) {
      const { state, value } = step(rounded, run.state, options);
      if (!Number.isFinite(value)) {
        run.stopped = { step: run.state.t, value };
        break;
      }
      run.state = state;
      run.losses.push(value);
      run.path.push(state.theta);
      if (run.state.t % 16 === 0 && performance.now() > deadline) break;
    }
    if (run.stopped) this.setting = { ...this.setting, steps: run.state.t };
    return run.state.t < this.setting.steps;
  }
}
