// What the theme makes while it runs, for keyboard and screen reader: wide tables can be scrolled by key, and the bar of
// buttons beside code is no landmark.
function mend() {
  document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code").forEach((wide) => { wide.tabIndex = 0; });
  document.querySelectorAll("nav.md-code__nav").forEach((bar) => { bar.setAttribute("role", "none"); });
}
new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
mend();
