/** The guided story: eight settings, each with a title and a text, guide.<number>.title and guide.<number>.text. */
import { DEFAULTS, GUIDE_STEPS } from "./setting.js";
import { at, t } from "./text.js";

const GUIDE = [
  { data: "bernoulli", w: 1, at: 0 },
  { data: "bernoulli", w: 2, b: -2 },
  { data: "bernoulli", w: -1 },
  { data: "bernoulli", steps: 25, pace: 25 },
  { data: "bernoulli", w: 4, b: -4, lr: 60, steps: 60, view: 10 },
  { seed: 3, lr: 0.9, steps: 5000, pace: 100, view: 20 },
  { reduction: "sum", form: "textbook", w: 2.9, b: 1.75, lr: 0.01, pace: 25 },
  { data: "circles", n: 200, tw: 4, degree: 2, test: 0.3, lr: 1, steps: 300, pace: 25 },
];

/** The setting of a step of the guide; language and what is hidden stay as they are. */
export function guideSetting(number, { lang, hide }) {
  return { ...DEFAULTS, ...GUIDE[number - 1], guide: number, lang, hide };
}

/** Listen to the guide's buttons. page: {session, guide(number)}. */
export function bindGuide(page) {
  const go = (id, to) =>
    at(id).addEventListener("click", () => {
      page.guide(to(page.session.setting.guide));
      writeGuide(page.session.setting.guide); // what is hidden takes no focus
      at(page.session.setting.guide ? "guide-title" : "guide-open").focus();
    });
  go("guide-open", () => 1);
  go("guide-back", (number) => number - 1);
  go("guide-next", (number) => number + 1);
  go("guide-again", (number) => number);
  go("guide-close", () => 0);
}

/** Show a step of the guide, or, at 0, nothing of it. */
export function writeGuide(number) {
  at("guide").hidden = number === 0;
  if (number === 0) return;
  at("guide-title").textContent = t("guide.title", { number: String(number), count: String(GUIDE_STEPS), title: t(`guide.${number}.title`) });
  at("guide-text").textContent = t(`guide.${number}.text`);
  at("guide-back").disabled = number === 1;
  at("guide-next").disabled = number === GUIDE_STEPS;
}
