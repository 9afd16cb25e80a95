/** The tabs, by pointer and by arrow keys; the explorer is one, what page.py adds are others. */

const tabs = () => [...document.querySelectorAll("[data-tab]")].filter((tab) => !tab.classList.contains("put-away"));

export function bindTabs(choose) {
  for (const tab of document.querySelectorAll("[data-tab]")) {
    tab.addEventListener("click", () => choose(tab.dataset.tab));
    tab.addEventListener("keydown", (event) => {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!move) return;
      const all = tabs();
      const next = all[(all.indexOf(tab) + move + all.length) % all.length];
      next.focus();
      choose(next.dataset.tab);
    });
  }
}

/** A link within the page leads to its place; the address keeps the setting. */
export function bindLinks() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link) return;
    event.preventDefault();
    const target = document.getElementById(link.hash.slice(1));
    const folded = target?.closest("details");
    if (folded) folded.open = true;
    target?.scrollIntoView();
    target?.focus();
  });
}

/** Show that tab, or the first one where there is none of the name. */
export function showTab(name) {
  const all = tabs();
  const shown = all.find((tab) => tab.dataset.tab === name) ?? all[0];
  for (const tab of document.querySelectorAll("[data-tab]")) {
    tab.setAttribute("aria-selected", String(tab === shown));
    tab.tabIndex = tab === shown ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = tab !== shown;
  }
}
