/**
 * One step of each optimiser, as torch.optim writes it. A state is {t, theta (D + 1,), m (D + 1,), v (D + 1,)}.
 */
import { valueAndGradient } from "./numerics.js";

export const MOMENTUM = 0.9;
export const BETAS = [0.9, 0.999];
export const ADAM_EPSILON = 1e-8;

/** The state before the first step, at theta rounded to the precision. */
export function startAt(theta, r) {
  const zeros = theta.map(() => 0);
  return { t: 0, theta: theta.map(r), m: zeros, v: zeros };
}

/** From a state and the gradient there to the next state. */
const RULES = {
  sgd: ({ theta, m, v }, g, lr, r) => ({ theta: theta.map((x, j) => r(x - r(lr * g[j]))), m, v }),
  momentum(state, g, lr, r) {
    const m = accumulated(state, g, r);
    return { theta: state.theta.map((x, j) => r(x - r(lr * m[j]))), m, v: state.v };
  },
  nesterov(state, g, lr, r) {
    const m = accumulated(state, g, r);
    const ahead = g.map((slope, j) => r(slope + r(r(MOMENTUM) * m[j])));
    return { theta: state.theta.map((x, j) => r(x - r(lr * ahead[j]))), m, v: state.v };
  },
  adam({ t, theta, m, v }, g, lr, r) {
    const [b1, b2] = BETAS;
    const mean = m.map((x, j) => r(r(r(b1) * x) + r(r(1 - b1) * g[j])));
    const square = v.map((x, j) => r(r(r(b2) * x) + r(r(1 - b2) * r(g[j] * g[j]))));
    const [size, root] = [r(lr / (1 - b1 ** (t + 1))), r(Math.sqrt(1 - b2 ** (t + 1)))];
    const divisor = square.map((x) => r(r(r(Math.sqrt(x)) / root) + r(ADAM_EPSILON)));
    return { theta: theta.map((x, j) => r(x - r(size * r(mean[j] / divisor[j])))), m: mean, v: square };
  },
};

function accumulated({ m }, g, r) {
  return m.map((x, j) => r(r(r(MOMENTUM) * x) + g[j]));
}

export const OPTIMIZERS = Object.keys(RULES);

/** One step: {state, value}, value the objective before it. options: those of objective, and {optimizer, lr}. */
export function step(data, state, options) {
  const { value, gradient } = valueAndGradient(data, state.theta, options);
  const next = RULES[options.optimizer](state, gradient, options.r(options.lr), options.r);
  return { state: { ...next, t: state.t + 1 }, value };
}

/** The edge of stability as a multiple of 1 / λ: its formula, and its value. */
const EDGES = {
  sgd: ["2 / λ", 2],
  momentum: ["2 (1 + μ) / λ", 2 * (1 + MOMENTUM)],
  nesterov: ["2 (1 + μ) / ((1 + 2 μ) λ)", (2 + 2 * MOMENTUM) / (1 + 2 * MOMENTUM)],
};

/** How the edge of an optimiser is written; undefined where none is known. */
export const edgeFormula = (optimizer) => EDGES[optimizer]?.[0];

/** The step size above which the optimiser leaves a minimum of largest curvature λ; Infinity where there is none known. */
export function edgeOfStability(optimizer, curvature) {
  return optimizer in EDGES ? EDGES[optimizer][1] / curvature : Infinity;
}
