/** The present setting as programs that run: PyTorch and JAX, with NumPy for the data and nothing of ours. */
import { ADAM_EPSILON, BETAS, MOMENTUM } from "./descent.js";
import { productCode } from "./features.js";
import { EPSILON } from "./numerics.js";
import { columnCount, startPoint } from "./setting.js";

const LOSSES = {
  logits: (f) => f.stable,
  textbook: (f) => `-(y * ${f.lib}.log(p) + (1 - y) * ${f.lib}.log(1 - p))`,
  clamped: (f) => `-(y * ${f.lib}.log(p) + (1 - y) * ${f.lib}.log(1 - p))`,
  epsilon: (f) => `-(y * ${f.lib}.log(p + ${EPSILON}) + (1 - y) * ${f.lib}.log(1 - p + ${EPSILON}))`,
};

const TORCH = {
  lib: "torch",
  stable: `torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="none")`,
  clip: "torch.clamp",
};
const JAX = { lib: "jnp", stable: "y * jax.nn.softplus(-z) + (1 - y) * jax.nn.softplus(z)", clip: "jnp.clip" };

/** The lines of the loss of every row. */
function lossLines(setting, framework) {
  const lines = [];
  if (setting.form !== "logits") lines.push(`p = 1 / (1 + ${framework.lib}.exp(-z))`);
  if (setting.form === "clamped") lines.push(`p = ${framework.clip}(p, ${EPSILON}, 1 - ${EPSILON})`);
  return [...lines, `losses = ${LOSSES[setting.form](framework)}`];
}

function dataLines(setting) {
  const { data, n, noise, level, tw, tw2, tb, seed } = setting;
  if (data === "points") {
    const rows = setting.points.map((row) => `    [${row.map(python).join(", ")}],`);
    return ["rows = np.array([", ...rows, "])", "X, y = rows[:, :-1], rows[:, -1]"];
  }
  const random = `random = np.random.RandomState(${seed})`;
  const drawn = "y = (random.random_sample(len(X)) < 1 / (1 + np.exp(-z))).astype(float)";
  if (data === "plane") {
    const z = `z = ${python(tw)} * X[:, 0] + ${python(tw2)} * X[:, 1] + ${python(tb)}`;
    return [random, `X = 10 * random.random_sample((${n}, 2)) - 5`, z, drawn];
  }
  if (data === "moons") return [random, ...moonLines(n)];
  if (data === "xor" || data === "circles") {
    const z = data === "xor" ? "X[:, 0] * X[:, 1]" : "(2 - X[:, 0] ** 2 - X[:, 1] ** 2)";
    return [random, `X = 4 * random.random_sample((${n}, 2)) - 2`, `z = ${python(tw)} * ${z}`, drawn];
  }
  const lines = [`X = np.linspace(-5, 5, ${n})[:, None]`, `z = ${python(tw)} * X[:, 0] + ${python(tb)}`];
  if (data === "soft") return [...lines, "y = 1 / (1 + np.exp(-z))"];
  if (data === "bernoulli") return [random, ...lines, drawn];
  const draw = { uniform: "random_sample", normal: "standard_normal" }[noise];
  if (draw) lines.push(`z = z + ${python(level)} * random.${draw}(len(X))`);
  return [...(draw ? [random] : []), ...lines, "y = np.round(1 / (1 + np.exp(-z)))"];
}

function moonLines(n) {
  return [
    `X, y = np.zeros((${n}, 2)), np.arange(${n}) % 2.0`,
    `for row in range(${n}):`,
    "    while True:",
    "        u, v = 3 * random.random_sample() - 1.5, 1.5 * random.random_sample()",
    "        if 0.4225 <= u * u + v * v <= 1.8225:",
    "            break",
    "    X[row] = (u - 0.5, v - 0.25) if y[row] == 0 else (0.5 - u, 0.25 - v)",
  ];
}

/** The lines that make of the data what the model gets: see features.js. */
function featureLines(setting) {
  const { test, seed, standard, degree } = setting;
  const lines = [];
  if (test > 0) {
    lines.push(`train = np.sort(np.random.RandomState(${seed}).permutation(len(y))[int(len(y) * ${test}) :])`, "X, y = X[train], y[train]");
  }
  if (standard) {
    lines.push("mean = sum(X) / len(X)", "deviation = np.sqrt(sum((X - mean) ** 2) / len(X))");
    lines.push("deviation[np.ptp(X, axis=0) == 0] = 1  # a feature that never changes", "X = (X - mean) / deviation");
  }
  if (degree > 1 && columnCount(setting) === 2) lines.push("u, v = X.T", `X = np.column_stack([${productCode(degree, ["u", "v"]).join(", ")}])`);
  return lines;
}

/** The size of the mini-batches; 0 where every step sees all rows. */
function batchOf({ data, points, n, test, batch }) {
  const rows = data === "points" ? points.length : n;
  return batch < rows - Math.floor(rows * test) ? batch : 0;
}

function batchLines(setting) {
  const size = batchOf(setting);
  if (!size) return [];
  return [
    "",
    "",
    "def batches():",
    `    random = np.random.RandomState(${setting.seed})`,
    "    while True:",
    "        order = random.permutation(len(y))",
    `        for start in range(0, len(y), ${size}):`,
    `            yield order[start : start + ${size}]`,
  ];
}

/** A number as Python writes it. */
function python(x) {
  return Number.isInteger(x) && Math.abs(x) < 1e15 ? x.toFixed(1) : String(x);
}

const indented = (lines) => lines.map((line) => `    ${line}`);
const literal = (values) => `[${values.map(python).join(", ")}]`;

/** A PyTorch program that prints the point and the objective that the page shows. */
export function torchCode(setting) {
  const theta = startPoint(setting);
  const lr = python(setting.lr);
  const optimizer = {
    sgd: `SGD([w, b], lr=${lr})`,
    momentum: `SGD([w, b], lr=${lr}, momentum=${MOMENTUM})`,
    nesterov: `SGD([w, b], lr=${lr}, momentum=${MOMENTUM}, nesterov=True)`,
    adam: `Adam([w, b], lr=${lr}, betas=(${BETAS.join(", ")}), eps=${ADAM_EPSILON})`,
  }[setting.optimizer];
  const kind = `dtype=torch.${setting.precision}`;
  const batch = batchOf(setting) > 0;
  return program([
    "import numpy as np",
    "import torch",
    "",
    ...dataLines(setting),
    ...featureLines(setting),
    `X, y = torch.tensor(X, ${kind}), torch.tensor(y, ${kind})`,
    `w = torch.tensor(${literal(theta.slice(0, -1))}, ${kind}, requires_grad=True)`,
    `b = torch.tensor(${python(theta.at(-1))}, ${kind}, requires_grad=True)`,
    ...batchLines(setting),
    "",
    "",
    "def objective(X, y):",
    ...indented(["z = X @ w + b", ...lossLines(setting, TORCH), objectiveLine(setting)]),
    "",
    "",
    `optimizer = torch.optim.${optimizer}`,
    loopLine(setting),
    ...indented(["optimizer.zero_grad()", `objective(${batch ? "X[rows], y[rows]" : "X, y"}).backward()`, "optimizer.step()"]),
    `print("w", w.tolist(), "b", b.item(), "loss", objective(X, y).item())`,
  ]);
}

/** A JAX program that prints the same. */
export function jaxCode(setting) {
  const theta = startPoint(setting);
  const lr = python(setting.lr);
  const sgd = setting.optimizer === "sgd";
  const optimizer = {
    momentum: `sgd(${lr}, momentum=${MOMENTUM})`,
    nesterov: `sgd(${lr}, momentum=${MOMENTUM}, nesterov=True)`,
    adam: `adam(${lr}, b1=${BETAS[0]}, b2=${BETAS[1]}, eps=${ADAM_EPSILON})`,
  }[setting.optimizer];
  const kind = `dtype=jnp.${setting.precision}`;
  const update = sgd
    ? [`return jax.tree.map(lambda p, g: p - ${lr} * g, theta, jax.grad(objective)(theta, X, y))`]
    : [
        "theta, state = carried",
        "updates, state = optimizer.update(jax.grad(objective)(theta, X, y), state)",
        "return optax.apply_updates(theta, updates), state",
      ];
  const given = batchOf(setting) ? "X[rows], y[rows]" : "X, y";
  const carried = sgd ? "theta" : "carried";
  const loop = [loopLine(setting), ...indented([`${carried} = step(${carried}, ${given})`])];
  return program([
    "import jax",
    "import jax.numpy as jnp",
    "import numpy as np",
    ...(sgd ? [] : ["import optax"]),
    ...(setting.precision === "float64" ? ["", `jax.config.update("jax_enable_x64", True)`] : []),
    "",
    ...dataLines(setting),
    ...featureLines(setting),
    `X, y = jnp.array(X, ${kind}), jnp.array(y, ${kind})`,
    `theta = jnp.array(${literal(theta.slice(0, -1))}, ${kind}), jnp.array(${python(theta.at(-1))}, ${kind})`,
    ...batchLines(setting),
    "",
    "",
    "def objective(theta, X, y):",
    ...indented(["w, b = theta", "z = X @ w + b", ...lossLines(setting, JAX), objectiveLine(setting)]),
    "",
    "",
    "@jax.jit",
    `def step(${carried}, X, y):`,
    ...indented(update),
    "",
    "",
    ...(sgd ? [] : [`optimizer = optax.${optimizer}`, "carried = theta, optimizer.init(theta)"]),
    ...loop,
    ...(sgd ? [] : ["theta, _ = carried"]),
    "w, b = theta",
    `print("w", w.tolist(), "b", b.item(), "loss", objective(theta, X, y).item())`,
  ]);
}

function loopLine(setting) {
  return batchOf(setting) ? `for _, rows in zip(range(${setting.steps}), batches()):` : `for _ in range(${setting.steps}):`;
}

function objectiveLine({ reduction, l2 }) {
  return `return losses.${reduction}()` + (l2 > 0 ? ` + ${python(l2)} / 2 * (w**2).sum()` : "");
}

function program(lines) {
  return `${lines.join("\n")}\n`;
}
