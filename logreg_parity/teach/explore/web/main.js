/** The page: one setting, one session, and a frame that works for some milliseconds and then draws. */
import { jaxCode, torchCode } from "./code.js";
import { bindControls, showControls } from "./controls.js";
import { drawCurve, reach } from "./curve.js";
import { fromRows, makeData, parseTable, problemOfRows, roundData, toRows } from "./data.js";
import { edgeFormula, edgeOfStability, startAt, step } from "./descent.js";
import { batches, chosen, lensed, split } from "./features.js";
import { exactRun, inexact } from "./fingerprint.js";
import { weightName } from "./formula.js";
import { Ground } from "./ground.js";
import { bindGuide, guideSetting, writeGuide } from "./guide.js";
import { drawLosses, drawUlps } from "./history.js";
import { FORMS, ROUNDINGS, hessian, largestEigenvalue, logit, valueAndGradient } from "./numerics.js";
import { runaway } from "./infinite.js";
import { findOptimum, relations, separability } from "./optimum.js";
import { writePanels } from "./panels.js";
import { forgetPalette } from "./plot.js";
import { bindPlots } from "./pointer.js";
import { presetSetting } from "./presets.js";
import { distances, recordedRuns } from "./recorded.js";
import { Session } from "./session.js";
import { DEFAULTS, MOST_STEPS, checked, columnCount, fromHash, problem, startFields, toHash } from "./setting.js";
import { cliffs, drawSurface } from "./surface.js";
import { bindLinks, bindTabs, showTab } from "./tabs.js";
import { at, show, speak, t } from "./text.js";

const WORK = 9; // milliseconds of a frame for steps and the surface, so that there are sixty a second
const QUIET_WORK = 30; // where nothing but the surface is left to do
const CALM = 400; // milliseconds between frames of a run where motion is to be reduced
const still = matchMedia("(prefers-reduced-motion: reduce)");

const session = new Session();
const ground = new Ground();
const page = { session, plots: {}, selected: null, playing: false, held: null, change, moveTo, preset, guide, select, setRows, removeRow, attempt };
let scheduled = false;
let dirty = true; // whether something to be seen has changed
const waiting = [];
const timers = {};
let language = null;
let fingerprinted = null; // the link of the run whose fingerprint is shown

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
  if (columnCount(before) !== columnCount(session.setting)) page.selected = null;
}

/** Put the point there: a new start, no steps yet. */
function moveTo(theta) {
  if (!theta.every((x) => Math.abs(x) <= 1e6)) throw problem("problem.far", {});
  page.playing = false;
  take({ ...session.setting, ...startFields(theta, session.setting), steps: 0 });
}

function preset(name) {
  page.playing = false;
  page.selected = null;
  take(presetSetting(name, session.setting));
}

/** Go to a step of the guide, or, at 0, leave it and keep what is shown. */
function guide(number) {
  page.playing = false;
  page.selected = null;
  take(number === 0 ? { ...session.setting, guide: 0 } : guideSetting(number, session.setting));
}

function select(row) {
  if (!(row >= 0 && row < session.made.y.length)) throw problem("problem.row", { rows: session.made.y.length });
  page.selected = row;
  later();
}

/** Take these rows, with names where new ones came: {names, classes}. */
function setRows(rows, named = {}) {
  const wrong = problemOfRows(rows);
  if (wrong) throw problem(...wrong);
  change({ data: "points", points: rows, ...named });
}

function removeRow(row) {
  setRows(toRows(session.made).filter((_, i) => i !== row));
  page.selected = Math.min(row, session.made.y.length - 1);
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
  const { setting, data, made, all, theta, optimum, run } = session;
  const ranges = page.held ?? reach(made, setting);
  const named = { ranges, names: setting.names ?? (made.X.length === 1 ? ["x"] : ["x₁", "x₂"]), probe: probed(setting, ranges) };
  if (setting.lang !== language) speak((language = setting.lang));
  named.classes = setting.classes ?? [t("legend.zero"), t("legend.one")];
  showControls(page, named);
  showTab(setting.tab);
  writeGuide(setting.guide);
  const said = writePanels(session, named);
  const recorded = recordedRuns(setting);
  const path = run.path;
  page.plots.curve = drawCurve(at("curve"), {
    made, lens: all.lens, theta, truth: made.truth, threshold: setting.threshold, test: session.rows.test, ...named,
    selected: setting.edit ? page.selected : null,
  });
  page.plots.surface = drawSurface(at("surface"), {
    ground: ground.picture, reach: setting.view, labels: theta.length > 2 ? ["w₁", "w₂"] : ["w", "b"], path, theta,
    optimum: optimum.theta, truth: data.truth, recorded: recorded && setting.overlay ? { torch: recorded.torch, jax: recorded.jax } : {},
  });
  drawLosses(at("losses"), {
    losses: [...run.losses, session.here.value], parts: run.parts, aside: session.asideLosses, lowest: optimum.value,
  });
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
  if (fingerprinted !== null && fingerprinted !== link()) sayFingerprint(null, "");
  calmly("hash", () => history.replaceState(null, "", link()));
  calmly("spoken", () => (at("spoken").textContent = said));
}

/** The place at which the formula is worked out: the one asked for, or the middle of the plot. */
function probed({ at: first, at2 }, ranges) {
  return ranges.map(([low, high], j) => [first, at2][j] ?? Number(((low + high) / 2).toPrecision(3)));
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
  bindGuide(page);
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
  at("fingerprint").addEventListener("click", fingerprint);
  at("message").querySelector("button").addEventListener("click", () => (at("message").hidden = true));
  at("file").addEventListener("change", (event) => openFile(event.target));
  addEventListener("hashchange", readHash);
  addEventListener("resize", () => { ground.forgetPicture(); later(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  matchMedia("print").addEventListener("change", repaint);
}

/** Everything in the colours and the sizes of now, at once: a printer does not wait for the next frame. */
function repaint() {
  forgetPalette();
  ground.forgetPicture();
  ground.work(session, at("surface"), performance.now() + QUIET_WORK);
  update();
  later();
}

function takeSteps(count) {
  page.playing = false;
  if (session.setting.steps + count > MOST_STEPS) return complain({ key: "problem.steps", values: { most: String(MOST_STEPS) } });
  change({ steps: session.setting.steps + count, pace: count });
}

/** Take the run once more in exact arithmetic, some milliseconds at a time, and say its SHA-256. */
async function fingerprint() {
  const [asked, why, taken] = [link(), inexact(session.setting), exactRun(session)];
  if (why) return sayFingerprint(asked, t(why));
  for (;;) {
    const deadline = performance.now() + WORK;
    let made;
    do made = taken.next();
    while (!made.done && performance.now() < deadline);
    if (link() !== asked) return;
    const { steps, precision } = session.setting;
    if (made.done) return sayFingerprint(asked, t("fingerprint.said", { ...made.value, steps: String(steps), precision }));
    sayFingerprint(asked, t("fingerprint.steps", { done: String(made.value), steps: String(steps) }));
    await new Promise((resolve) => setTimeout(resolve));
  }
}

function sayFingerprint(of, text) {
  fingerprinted = of;
  at("fingerprint-said").textContent = text;
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
  const { rows, names } = parseTable(await file.text());
  input.value = "";
  const label = names?.at(-1);
  attempt(() => setRows(rows, { names: names && names.slice(0, -1), classes: names && [`${label} = 0`, `${label} = 1`] }));
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
  DEFAULTS, FORMS, ROUNDINGS, Session, batches, change, chosen, edgeFormula, edgeOfStability, exactRun, findOptimum, fromHash, fromRows, guide, hessian, jaxCode,
  largestEigenvalue, lensed, link, logit, makeData, moveTo, page, preset, relations, roundData, runaway, separability, session, split, startAt, step, toHash,
  torchCode, update, valueAndGradient,
  settled: () => new Promise((resolve) => { waiting.push(resolve); later(); }),
};

begin();
