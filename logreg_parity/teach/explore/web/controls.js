/** The page's inputs and the setting: what is typed goes there, what stands there is shown. */
import { toRows } from "./data.js";
import { PRESETS, presetOf } from "./presets.js";
import { featureCount, readField } from "./setting.js";
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
  if (name === "data") patch.points = patch.data === "points" ? toRows(page.session.data) : null;
  page.change(patch);
}

function reshape(page, name, value) {
  const [w, b] = page.session.theta;
  if (w !== 0) midpoint = -b / w;
  if (name === "midpoint") midpoint = value;
  const slope = name === "slope" ? value : w;
  page.moveTo([slope, -slope * midpoint + 0]);
}

function editRow(page, element) {
  const rows = toRows(page.session.data);
  const row = Math.min(page.selected ?? 0, rows.length - 1);
  const column = { "edit-x0": 0, "edit-x1": 1, "edit-y": rows[0].length - 1 }[element.id];
  const value = element.value.trim() === "" ? NaN : Number(element.value);
  page.setRows(rows.map((old, i) => (i === row ? old.with(column, value) : old)));
}

function addRow(page) {
  const rows = toRows(page.session.data);
  page.setRows([...rows, [...rows[0].slice(0, -1).fill(0), 1]]);
  page.select(rows.length);
}

/** Show the setting in every input, and hide what it hides or has no use for. */
export function showControls({ session, selected, playing }) {
  const { setting, theta, data } = session;
  for (const element of every("[data-field]")) showField(element, setting[element.dataset.field]);
  for (const element of every("[data-theta]")) put(element, theta.at(Number(element.dataset.theta)));
  if (theta.length === 2 && theta[0] !== 0) midpoint = -theta[1] / theta[0];
  for (const element of every("[data-shape]")) put(element, element.dataset.shape === "slope" ? theta[0] : midpoint);
  for (const element of every("[data-for]")) element.hidden = !applies(element.dataset.for, setting);
  for (const element of every("[data-group]")) element.classList.toggle("put-away", setting.hide.includes(element.dataset.group));
  at("w-name").textContent = theta.length === 3 ? "w₁" : "w";
  showEditor(setting, data, Math.min(selected ?? 0, data.y.length - 1));
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
  const one = featureCount(setting) === 1;
  return {
    made: setting.data !== "points",
    drawn: ["lesson", "bernoulli", "plane"].includes(setting.data),
    lesson: setting.data === "lesson",
    plane: !one,
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
