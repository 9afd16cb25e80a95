/**
 * What follows from a setting: data, optimum, run. Each part is kept until something that it depends on changes; a run
 * is taken again, from its start and for as many steps, so that what is shown is always what the setting says.
 */
import { makeData, roundData } from "./data.js";
import { startAt, step } from "./descent.js";
import { batches, chosen, lensed, split } from "./features.js";
import { EXACT, ROUNDINGS, hessian, largestEigenvalue, objective, valueAndGradient } from "./numerics.js";
import { runaway } from "./infinite.js";
import { findOptimum, relations, separability } from "./optimum.js";
import { DEFAULTS, startPoint } from "./setting.js";

const MADE = ["data", "n", "noise", "level", "tw", "tw2", "tb", "seed", "points"];
const DATA = [...MADE, "standard", "degree", "test"];
const LOSS = [...DATA, "reduction", "l2"];
const RUN = [...LOSS, "form", "precision", "optimizer", "lr", "batch", "w", "w2", "rest", "b"];

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

  /** The data in float64 as people see it, all rows. */
  get made() {
    return this.#keep("made", MADE, () => makeData(this.setting));
  }

  /** {train, test}: which rows are learned from, and which are set aside. */
  get rows() {
    return this.#keep("rows", DATA, () => split(this.made.y.length, this.setting));
  }

  /** All rows as the model gets them, and the lens that brought them there. */
  get all() {
    return this.#keep("all", DATA, () => lensed(this.made, this.rows.train, this.setting));
  }

  /** The rows to learn from, in float64. */
  get data() {
    return this.#keep("data", DATA, () => chosen(this.all, this.rows.train));
  }

  /** The rows set aside, or null where there are none. */
  get aside() {
    return this.#keep("aside", DATA, () => (this.rows.test.length ? chosen(this.all, this.rows.test) : null));
  }

  /** Those to learn from as the program of the chosen precision sees them. */
  get rounded() {
    return this.#keep("rounded", [...DATA, "precision"], () => roundData(this.data, this.options.r));
  }

  get separability() {
    return this.#keep("separability", DATA, () => separability(this.data));
  }

  get options() {
    const { form, reduction, l2, optimizer, lr, precision } = this.setting;
    return { form, reduction, l2, optimizer, lr, r: ROUNDINGS[precision] };
  }

  get optimum() {
    return this.#keep("optimum", LOSS, () => findOptimum(this.data, this.setting));
  }

  /** What runs off and where to, where there is no optimum. */
  get gone() {
    return this.#keep("gone", LOSS, () => (this.optimum.status === "infinite" ? runaway(this.data, this.setting) : null));
  }

  /** The features that depend on others. */
  get dependent() {
    return this.#keep("dependent", DATA, () => relations(this.data.X));
  }

  /** The largest curvature at the optimum; NaN where there is none. */
  get curvatureAtOptimum() {
    const { optimum, data, setting } = this;
    return this.#keep("curvature", LOSS, () => (optimum.theta ? largestEigenvalue(hessian(data, optimum.theta, setting)) : NaN));
  }

  /** The optimum without L2. */
  get bare() {
    const { reduction } = this.setting;
    return this.#keep("bare", [...DATA, "reduction"], () => findOptimum(this.data, { reduction, l2: 0 }));
  }

  /** The rows of a mini-batch; 0 where every step sees all rows. */
  get batchSize() {
    const { batch } = this.setting;
    return batch < this.data.y.length ? batch : 0;
  }

  /**
   * {state, path, losses, parts, stopped, order}: path[k] is the point after k steps, losses[k] the objective there,
   * parts[k] that of the step's own mini-batch, order the batches to come.
   */
  get run() {
    const begun = () => {
      const state = startAt(startPoint(this.setting), this.options.r);
      const order = this.batchSize ? batches(this.data.y.length, this.batchSize, this.setting.seed) : null;
      return { state, path: [state.theta], losses: [], parts: [], stopped: null, order };
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

  /** The loss of the rows set aside at every point of the run, in the scale of the objective, without its penalty. */
  get asideLosses() {
    const { aside, data, run, options } = this;
    if (!aside) return [];
    const kept = this.#keep("asideLosses", RUN, () => []);
    const scale = options.reduction === "sum" ? data.y.length / aside.y.length : 1;
    if (kept.length > run.path.length) kept.length = 0;
    while (kept.length < run.path.length) {
      kept.push(scale * objective(aside, run.path[kept.length], { ...options, form: "logits", l2: 0, r: EXACT }));
    }
    return kept;
  }

  /** Take steps until the run has as many as the setting says, or the time is up; whether any are left to take. */
  advance(deadline) {
    const { run, rounded, options } = this;
    while (run.state.t < this.setting.steps && !run.stopped) {
      const batch = run.order ? chosen(rounded, run.order.next().value) : rounded;
      const { state, value } = step(batch, run.state, options);
      if (!Number.isFinite(value)) {
        run.stopped = { step: run.state.t, value };
        break;
      }
      run.losses.push(run.order ? objective(rounded, run.state.theta, options) : value);
      if (run.order) run.parts.push(value);
      run.state = state;
      run.path.push(state.theta);
      if (run.state.t % 16 === 0 && performance.now() > deadline) break;
    }
    if (run.stopped) this.setting = { ...this.setting, steps: run.state.t };
    return run.state.t < this.setting.steps;
  }
}
