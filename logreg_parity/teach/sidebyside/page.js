// The language: the reader's own at first, then the one chosen.
const choices = document.querySelectorAll("input[name=language]");
const show = (language) => {
  document.documentElement.lang = language;
  for (const part of document.querySelectorAll("[data-language]")) part.dataset.language = language;
};
for (const choice of choices) {
  choice.checked = choice.value === (navigator.language.startsWith("zh") ? "zh" : "en");
  if (choice.checked) show(choice.value);
  choice.addEventListener("change", () => show(choice.value));
}
