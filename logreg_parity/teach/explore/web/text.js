/** The page's words, in the language of the setting, and its numbers. TEXTS comes from text.en.json and text.zh.json. */
const TEXTS = JSON.parse(document.getElementById("texts").textContent);

let words = TEXTS.en;

export const at = (id) => document.getElementById(id);

/** Speak that language from now on, on every element with data-t (its text) or data-label (its accessible name). */
export function speak(language) {
  words = TEXTS[language];
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  document.title = t("title");
  for (const element of document.querySelectorAll("[data-language]")) element.dataset.language = language;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", t(element.dataset.label));
  }
}

/** The text of a key, its {names} replaced by values. A key without a text is a fault of ours. */
export function t(key, values = {}) {
  if (!(key in words)) throw new Error(`there is no text ${key}`);
  return words[key].replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? show(values[name]) : values[name]));
}

/** A number for people: so many digits, a true minus, ∞ for infinity. */
export function show(x, digits = 4) {
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  const [mantissa, exponent] = x.toPrecision(digits).split("e");
  const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  const text = exponent === undefined ? short : `${short}e${exponent.replace("+", "")}`;
  return text.replaceAll("-", "−");
}

/** A point, (w, b) or (w1, w2, b). */
export function showPoint(theta) {
  return `(${theta.map((x) => show(x)).join(", ")})`;
}
