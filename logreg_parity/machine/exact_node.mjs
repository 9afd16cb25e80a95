// hashes.py runs it by node: a line of JSON comes in, then float64 numbers (constants, rows, a point); numbers go out:
// points and velocity, values, or losses and counts.
import { readFileSync } from "node:fs";
import { exactArithmetic } from "./exact.mjs";

const input = readFileSync(0), line = input.indexOf(10);
const given = JSON.parse(input.subarray(0, line).toString()), { features, steps, each } = given, n = given.blocks * given.rows;
const all = new Float64Array(input.buffer.slice(input.byteOffset + line + 1, input.byteOffset + input.length));
let taken = 0;
const part = {};
for (const [name, length] of given.parts) part[name] = length === null ? null : all.subarray(taken, taken += length);
const { step, objective, add } = exactArithmetic(given.constants, given.dtype === "float32");
const at = (values, k, length) => values && values.subarray(each ? k * length : 0, (each ? k : 0) * length + length);

function rows(k) {
  const columns = at(part.columns, k, features * n);
  return {
    columns: Array.from({ length: features }, (_, j) => columns.subarray(j * n, j * n + n)),
    up: at(part.up, k, n), down: at(part.down, k, n), top: at(part.top, k, features), largest: at(part.largest, k, features),
  };
}

function walk() {
  let here = { theta: part.theta.slice(), velocity: part.velocity.slice() };
  const out = [...here.theta];
  for (let k = 0; k < steps; k++) {
    here = step(here, rows(k), part.penalty, given);
    for (const w of here.theta) out.push(w);
  }
  return [...out, ...here.velocity];
}

const points = (k) => part.points.subarray(k * features, k * features + features);
const objectives = () => Array.from({ length: steps }, (_, k) => objective(points(k), rows(k), part.penalty));
function added() {
  const { losses, slopes, bends } = add(part.theta, rows(0), part.tops);
  return [...losses, ...slopes.flat(), ...bends.flat()];
}

const answers = { walk, objectives, add: added };
process.stdout.write(Buffer.from(Float64Array.from(answers[given.what]()).buffer));
