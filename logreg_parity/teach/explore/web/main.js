/** The page: one setting, one session, and a frame that works for some milliseconds and then draws. */
import { jaxCode, torchCode } from "./code.js";
import { bindControls, showControls } from "./controls.js";
import { drawCurve } from "./curve.js";
import { fromRows, makeData, parseTable, problemOfRows, roundData } from "./data.js";
import { startAt, step } from "./descent.js";
import { Ground } from "./ground.js";
import { drawLosses, drawUlps } from "./history.js";
import { FORMS, ROUNDINGS, hessian, largestEigenvalue, logit, valueAndGradient } from "./numerics.js";
import { findOptimum, separability } from "./optimum.js";
import { writePanels } from "./panels.js";
import { forgetPalette } from "./plot.js";
import { bindPlots } from "./pointer.js";
import { presetSetting } from "./presets.js";
import { distances, recordedRuns } from "./recorded.js";
import { Session } from "./session.js";
import { DEFAULTS, MOST_STEPS, checked, featureCount, fromHash, problem, toHash } from "./setting.js";
import { cliffs, drawSurface } from "./surface.js";
import { bindLinks, bindTabs, showTab } from "./tabs.js";
import { at, show, speak, t } from "./text.js";

const WORK = 9; // milliseconds of a frame for steps and the surface, so that there are sixty a second
const QUIET_WORK = 30; // where nothing but the surface is left to do
const CALM = 400; // milliseconds between frames of a run where motion is to be reduced
const still = matchMedia("(prefers-reduced-motion: reduce)");

const session = new Session();
const ground = new Ground();
const page = { session, plots: {}, selected: null, playing: false, change, moveTo, preset, select, setRows, removeRow, attempt };
let scheduled = false;
let dirty = true; // whether something to be seen has changed
const waiting = [];
const timers = {};
let language = null;

// -- changes ----------------------------------------------------------------------------------------------------------

/** Take a new setting, or say why not and keep the old one. */
function take(setting) {
  session.take(checked(setting));
  at("message").hidden = true;
  later();
}

function change(patch) {
  const before = session.setting;
  take({ ...before, ...patch });
  if (featureCount(before) !== featureCount(session.setting)) page.selected = null;
}

/** Put the point there: a new start, no steps yet. */
function moveTo(theta) {
  const [w, w2, b] = theta.length === 3 ? theta : [theta[0], session.setting.w2, theta[1]];
  if (!theta.every((x) => Math.abs(x) <= 1e6)) throw problem("problem.far", {});
  page.playing = false;
  take({ ...session.setting, w, w2, b, steps: 0 });
}

function preset(name) {
  page.playing = false;
  page.selected = null;
  take(presetSetting(name, session.setting));
}

function select(row) {
  if (!(row >= 0 && row < session.data.y.length)) throw problem("problem.row", { rows: session.data.y.length });
  page.selected = row;
  later();
}

function setRows(rows) {
  const wrong = problemOfRows(rows);
  if (wrong) throw problem(...wrong);
  change({ data: "points", points: rows });
}

function removeRow(row) {
  const { X, y } = session.data;
  setRows(Array.from(y, (label, i) => [...X.map((x) => x[i]), label]).filter((_, i) => i !== row));
  page.selected = Math.min(row, session.data.y.length - 1);
}

/** Do something a person asked for; where it cannot be done, say so. */
function attempt(act) {
  try {
    act();
  } catch (error) {
    if (!error.key) throw error;
    complain(error);
  }
}

function complain({ key, values }) {
  at("message").hidden = false;
  at("message").firstElementChild.textContent = `${t(key, values)} ${t("problem.kept")}`;
  later();
}

function readHash() {
  if (location.hash.slice(1) === toHash(session.setting)) return;
  attempt(() => take(fromHash(location.hash)));
}

/** The link to what is shown. */
function link() {
  return `${location.href.split("#")[0]}#${toHash(session.setting)}`;
}

// -- a frame ----------------------------------------------------------------------------------------------------------

/** Draw anew in the next frame. */
function later() {
  dirty = true;
  request();
}

function request() {
  if (scheduled) return;
  scheduled = true;
  if (page.playing && still.matches) setTimeout(frame, CALM);
  else requestAnimationFrame(frame);
}

function frame() {
  scheduled = false;
  const deadline = performance.now() + (dirty || page.playing ? WORK : QUIET_WORK);
  if (page.playing) pace();
  const stepping = session.advance(deadline);
  const painting = ground.work(session, at("surface"), deadline);
  if (ground.fresh()) dirty = true;
  if (dirty) update();
  dirty = false;
  if (stepping || page.playing) later();
  else if (painting) request();
  else for (const resolve of waiting.splice(0)) resolve();
}

function pace() {
  const { steps, pace } = session.setting;
  const most = still.matches ? 25 * pace : pace;
  if (session.run.stopped || steps >= MOST_STEPS) page.playing = false;
  else session.take({ ...session.setting, steps: Math.min(steps + most, MOST_STEPS) });
}

/** Everything on the page, from the session as it is. */
function update() {
  const { setting, data, theta, optimum, run } = session;
  if (setting.lang !== language) speak((language = setting.lang));
  showControls(page);
  showTab(setting.tab);
  const said = writePanels(session);
  const recorded = recordedRuns(setting);
  const path = run.path;
  page.plots.curve = drawCurve(at("curve"), { data, theta, threshold: setting.threshold, selected: setting.edit ? page.selected : null });
  page.plots.surface = drawSurface(at("surface"), {
    ground: ground.picture, reach: setting.view, labels: theta.length === 3 ? ["w₁", "w₂"] : ["w", "b"], path, theta,
    optimum: optimum.theta, truth: data.truth, recorded: recorded && setting.overlay ? { torch: recorded.torch, jax: recorded.jax } : {},
  });
  drawLosses(at("losses"), { losses: [...run.losses, session.here.value], lowest: optimum.value });
  describe(said);
  if (ground.grid) {
    const { nan, infinite } = cliffs(ground.grid);
    at("legend-nan").hidden = !nan;
    at("legend-infinite").hidden = !infinite;
    const inSight = optimum.theta?.slice(0, 2).every((x) => Math.abs(x) <= setting.view);
    at("legend-optimum").textContent = t(inSight ? "legend.optimum" : "legend.outofsight");
    at("legend-optimum").hidden = !optimum.theta;
  }
  showRecorded(recorded);
  at("code-torch").textContent = setting.tab === "code" ? torchCode(setting) : "";
  at("code-jax").textContent = setting.tab === "code" ? jaxCode(setting) : "";
  calmly("hash", () => history.replaceState(null, "", link()));
  calmly("spoken", () => (at("spoken").textContent = said));
}

function describe(said) {
  at("curve").setAttribute("aria-label", `${t("plot.curve")} ${at("about").textContent}`);
  at("surface").setAttribute("aria-label", `${t("plot.surface")} ${said}`);
  at("losses").setAttribute("aria-label", `${t("history")}: ${at("step-count").textContent}`);
}

function showRecorded(recorded) {
  at("recorded").hidden = recorded === null;
  if (!recorded) return;
  const { overlay, precision } = session.setting;
  at("recorded-about").textContent = t("recorded", { ...recorded.versions, count: String(recorded.torch.length - 1) });
  const shown = overlay && session.run.path.length > 1;
  for (const element of [at("ulps"), at("ulps").nextElementSibling]) element.hidden = !shown;
  if (!shown) return;
  const apart = distances(session.run.path, recorded, precision);
  const most = (run) => show(run.reduce((a, b) => Math.max(a, b), 0), 3);
  at("recorded-far").textContent = t("recorded.far", { torch: most(apart.torch), jax: most(apart.jax) });
  at("ulps").setAttribute("aria-label", at("recorded-far").textContent);
  drawUlps(at("ulps"), apart);
}

/** Do it once nothing has happened for a while: addresses and screen readers do not want every frame. */
function calmly(name, act) {
  clearTimeout(timers[name]);
  timers[name] = setTimeout(act, 350);
}

// -- beginning --------------------------------------------------------------------------------------------------------

function bind() {
  bindControls(page);
  bindPlots(at("curve"), at("surface"), page);
  bindTabs((tab) => change({ tab }));
  bindLinks();
  for (const button of document.querySelectorAll("[data-steps]")) button.addEventListener("click", () => takeSteps(Number(button.dataset.steps)));
  at("play").addEventListener("click", () => {
    page.playing = !page.playing;
    later();
  });
  at("reset").addEventListener("click", () => {
    page.playing = false;
    change({ steps: 0 });
  });
  at("share").addEventListener("click", (event) => copy(link(), event.target));
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => copy(at(`code-${button.dataset.copy}`).textContent, button));
  }
  at("message").querySelector("button").addEventListener("click", () => (at("message").hidden = true));
  at("file").addEventListener("change", (event) => openFile(event.target));
  addEventListener("hashchange", readHash);
  addEventListener("resize", () => { ground.forgetPicture(); later(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { forgetPalette(); ground.forgetPicture(); later(); });
}

function takeSteps(count) {
  page.playing = false;
  if (session.setting.steps + count > MOST_STEPS) return complain({ key: "problem.steps", values: { most: String(MOST_STEPS) } });
  change({ steps: session.setting.steps + count, pace: count });
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = t("copied");
    setTimeout(() => (button.textContent = t(button.dataset.t)), 1500);
  } catch {
    attempt(() => { throw problem("problem.copy", { text }); });
  }
}

async function openFile(input) {
  const [file] = input.files;
  if (!file) return;
  const rows = parseTable(await file.text());
  input.value = "";
  attempt(() => setRows(rows));
}

function begin() {
  const initial = JSON.parse(at("initial").textContent);
  speak("en");
  bind();
  session.take({ ...DEFAULTS, ...initial });
  if (location.hash.length > 1) attempt(() => take(fromHash(location.hash)));
  later();
}

/** For the console, for teachers, and for the tests: the page's own functions. */
globalThis.logreg = {
  DEFAULTS, FORMS, ROUNDINGS, page, change, findOptimum, fromHash, fromRows, hessian, jaxCode, largestEigenvalue, link, logit, makeData, moveTo, preset, roundData,
  separability, session, startAt, step, toHash, torchCode, update, valueAndGradient,
  settled: () => new Promise((resolve) => { waiting.push(resolve); later(); }),
};

begin();
