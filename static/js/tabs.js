// @ts-check
// Tabs as the ARIA practices describe them: one stop for Tab, arrows between tabs.

/** @param {HTMLElement} tab */
function select(tab) {
  for (const other of tab.closest("[role=tablist]")?.querySelectorAll("[role=tab]") ?? []) {
    const on = other === tab;
    other.setAttribute("aria-selected", String(on));
    other.setAttribute("tabindex", on ? "0" : "-1");
    const panel = document.getElementById(other.getAttribute("aria-controls") ?? "");
    if (panel) panel.hidden = !on;
  }
}

export function bindTabs() {
  document.addEventListener("click", (event) => {
    const tab = event.target instanceof Element ? event.target.closest("[role=tab]") : null;
    if (tab instanceof HTMLElement) select(tab);
  });
  document.addEventListener("keydown", (event) => {
    const tab = document.activeElement;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!(tab instanceof HTMLElement) || tab.getAttribute("role") !== "tab" || step === undefined) return;
    const tabs = /** @type {HTMLElement[]} */ ([...(tab.closest("[role=tablist]")?.querySelectorAll("[role=tab]") ?? [])]);
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    event.preventDefault();
    select(next);
    next.focus();
  });
}
