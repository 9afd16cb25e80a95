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

// A link into a file that is folded unfolds it first, where the browser does not.
document.addEventListener("click", ({ target }) => {
  const link = target.closest('a[href^="#"]');
  const folded = link && document.getElementById(link.hash.slice(1))?.closest("details");
  if (folded) folded.open = true;
});
