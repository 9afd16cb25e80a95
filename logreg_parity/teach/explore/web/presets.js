/** Settings worth looking at, good and bad. Each has a title and a comment in the texts, preset.<name> and preset.<name>.why. */

const PUBLISHED = { reduction: "sum", lr: 1e-4, w: 1.0922641774757724, b: -0.1883343121604675 };

export const PRESETS = {
  free: {},
  published: { ...PUBLISHED, steps: 5000, pace: 100 },
  slow: { ...PUBLISHED, reduction: "mean", steps: 5000, pace: 100 },
  cliff: { ...PUBLISHED, form: "textbook", w: 2.9654884, b: 1.808368, lr: 1e-2, steps: 0, pace: 1 },
  separable: { seed: 2, lr: 0.9, steps: 5000, pace: 100, view: 20 },
  penalty: { seed: 2, lr: 0.5, l2: 0.01, steps: 1000, pace: 25 },
  honest: { data: "bernoulli", lr: 0.5, steps: 1000, pace: 25 },
  soft: { data: "soft", lr: 0.5, steps: 5000, pace: 100 },
  edge: { data: "bernoulli", w: 4, b: -4, lr: 8, steps: 40, pace: 1 },
  momentum: { data: "bernoulli", w: -4, b: 4, optimizer: "momentum", lr: 0.5, steps: 100, pace: 1 },
  plane: { data: "plane", lr: 0.3, steps: 200, pace: 1 },
};
