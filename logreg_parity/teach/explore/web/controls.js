/** The page's inputs and the setting: what is typed goes there, what stands there is shown. */
import { toRows } from "./data.js";
import { PRESETS, presetOf } from "./presets.js";
import { columnCount, readField } from "./setting.js";
import { nought, weightName } from "./formula.js";
import { at, t } from "./text.js";

const every = (selector) => document.querySelectorAll(selector);
let midpoint = 0; // stays where it was while the slope is 0

/** Listen to all inputs. page: {session, change(patch), moveTo(theta), complain(problem), select(row), setRows, removeRow}. */
export function bindControls(page) {
  const listen = (selector, act) => {
    for (const element of every(selector)) {
      element.addEventListener(element.type === "range" ? "input" : "change", () => page.attempt(() => act(element)));
    }
  };
  listen("[data-field]", (element) => changeField(page, element.dataset.field, textOf(element)));
  listen("[data-theta]", (element) => {
    const value = readField("w", element.value);
    const j = Number(element.dataset.theta);
    page.moveTo(page.session.theta.map((x, k, all) => (k === (j < 0 ? all.length - 1 : j) ? value : x)));
  });
  listen("[data-shape]", (element) => reshape(page, element.dataset.shape, readField("w", element.value)));
  listen("#preset", (element) => element.value !== "own" && page.preset(element.value));
  listen("#edit-row", (element) => page.select(Number(element.value) - 1));
  listen("#edit-x0, #edit-x1, #edit-y", (element) => editRow(page, element));
  at("edit-add").addEventListener("click", () => page.attempt(() => addRow(page)));
  at("edit-remove").addEventListener("click", () => page.attempt(() => page.removeRow(page.selected ?? 0)));
  at("preset").replaceChildren(...[...Object.keys(PRESETS), "own"].map((name) => Object.assign(document.createElement("option"), { value: name })));
}

/** The text of an input; a slider on a logarithmic scale stands for a power of ten, its lowest place for 0 where 0 may be. */
function textOf(element) {
  if (element.type === "checkbox") return element.checked ? "1" : "0";
  if (element.dataset.scale !== "log") return element.value;
  if (element.dataset.field === "l2" && element.value === element.min) return "0";
  return String(Number((10 ** Number(element.value)).toPrecision(3)));
}

function changeField(page, name, text) {
  const patch = { [name]: readField(name, text) };
  if (name === "data") Object.assign(patch, { points: patch.data === "points" ? toRows(page.session.made) : null, names: null, classes: null });
  page.change(patch);
}

function reshape(page, name, value) {
  const { theta, all: { lens } } = page.session;
  midpoint = name === "midpoint" ? value : (middle(lens, theta) ?? midpoint);
  const slope = name === "slope" ? value : theta[0];
  page.moveTo([slope, (-slope * (midpoint - lens.mean[0])) / lens.deviation[0] + 0]);
}

/** Where the curve of one feature passes ½, in the units of the axis; undefined where it never does. */
function middle({ mean, deviation }, [w, b]) {
  return w === 0 ? undefined : nought(mean[0] - (deviation[0] * b) / w, mean[0] === 0 ? 0 : deviation[0]);
}

function editRow(page, element) {
  const rows = toRows(page.session.made);
  const row = Math.min(page.selected ?? 0, rows.length - 1);
  const column = { "edit-x0": 0, "edit-x1": 1, "edit-y": rows[0].length - 1 }[element.id];
  const value = element.value.trim() === "" ? NaN : Number(element.value);
  page.setRows(rows.map((old, i) => (i === row ? old.with(column, value) : old)));
}

function addRow(page) {
  const rows = toRows(page.session.made);
  page.setRows([...rows, [...rows[0].slice(0, -1).fill(0), 1]]);
  page.select(rows.length);
}

/** Show the setting in every input, and hide what it hides or has no use for. */
export function showControls({ session, selected, playing }, { names, probe, ranges }) {
  const { setting, theta, made, all } = session;
  for (const element of every("[data-field]:not(#at, #at2)")) showField(element, setting[element.dataset.field]);
  put(at("at"), probe[0]);
  if (probe.length > 1) put(at("at2"), probe[1]);
  names.forEach((name, j) => (at(["at-name", "at2-name"][j]).textContent = `${name} =`));
  for (const element of every("[data-theta]")) put(element, theta.at(Number(element.dataset.theta)));
  if (theta.length === 2) midpoint = middle(all.lens, theta) ?? midpoint;
  const [shift] = every("[type=range][data-shape=midpoint]");
  [shift.min, shift.max, shift.step] = [...ranges[0], (ranges[0][1] - ranges[0][0]) / 200].map(String);
  for (const element of every("[data-shape]")) put(element, element.dataset.shape === "slope" ? theta[0] : midpoint);
  for (const element of every("[data-for]")) element.hidden = !applies(element.dataset.for, setting);
  for (const element of every("[data-group]")) element.classList.toggle("put-away", setting.hide.includes(element.dataset.group));
  at("w-name").textContent = weightName(0, theta.length - 1);
  showEditor(setting, made, Math.min(selected ?? 0, made.y.length - 1));
  at("play").textContent = t(playing ? "steps.pause" : "steps.play");
  for (const button of every("[data-steps]")) button.classList.toggle("pace", Number(button.dataset.steps) === setting.pace);
  showPreset(presetOf(setting));
}

function showField(element, value) {
  if (element.type === "checkbox") element.checked = value;
  else if (element.dataset.scale === "log") put(element, value === 0 ? Number(element.min) : Math.log10(value));
  else put(element, value);
}

/** The preset that the setting is, and why it is worth looking at; "own" can be shown but not chosen. */
function showPreset(name) {
  for (const option of at("preset").options) {
    option.textContent = t(`preset.${option.value}`);
    option.hidden = option.value === "own" && name !== "own";
  }
  at("preset").value = name;
  at("preset-why").textContent = t(`preset.${name}.why`);
}

/** A new value, unless the person is typing there. */
function put(element, value) {
  if (element === document.activeElement && element.type === "number" && element.value !== "" && Number(element.value) === value) return;
  const short = element.type === "number" && typeof value === "number" && Number.isFinite(value) ? Number(value.toPrecision(6)) : value;
  if (element.value !== String(short)) element.value = Number.isNaN(short) ? "" : String(short);
}

/** Whether an input has a meaning under the setting. */
function applies(what, setting) {
  const { data, test, batch, degree } = setting;
  const one = columnCount(setting) === 1;
  return {
    made: data !== "points",
    drawn: !["soft", "points"].includes(data) || test > 0 || batch > 0,
    true: !["moons", "points"].includes(data),
    line: ["lesson", "bernoulli", "soft", "plane"].includes(data),
    lesson: data === "lesson",
    slopes: data === "plane",
    plane: !one,
    rest: !one && degree > 1,
    one,
    wb: !one || setting.by === "wb",
    sm: one && setting.by === "sm",
  }[what];
}

function showEditor(setting, { X, y }, row) {
  at("editor").hidden = !setting.edit;
  at("edit-row").max = String(y.length);
  put(at("edit-row"), row + 1);
  X.forEach((x, j) => put(at(`edit-x${j}`), x[row]));
  put(at("edit-y"), y[row]);
}
