// @ts-check
// What every page does: the theme switch, menus that close, toasts that go, tabs, dialogs, arrows in tables.
import { bindTabs } from "./tabs.js";
import { bindTheme } from "./theme.js";
import { bindToasts } from "./toasts.js";

/** Close an open menu on Escape or on a press elsewhere. */
function bindMenus() {
  const opened = () => /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details[data-menu][open]"));
  document.addEventListener("pointerdown", (event) => {
    for (const menu of opened()) if (!menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of opened()) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
  });
}

/** `data-open="id"` opens that dialog, `data-close` closes the one around it. The native element keeps the focus inside. */
function bindDialogs() {
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const opener = target?.closest("[data-open]");
    if (opener) {
      const dialog = document.getElementById(opener.getAttribute("data-open") ?? "");
      if (dialog instanceof HTMLDialogElement) dialog.showModal();
    }
    if (target?.closest("[data-close]")) target.closest("dialog")?.close();
  });
}

/** Up and Down move from row to row; Home and End go to the ends. */
function bindRows() {
  document.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    const row = document.activeElement?.closest("table.data tbody tr");
    if (step === undefined || !row || !document.activeElement?.matches("a, button")) return;
    const rows = [...(row.parentElement?.children ?? [])];
    const next = rows[Math.max(0, Math.min(rows.length - 1, rows.indexOf(row) + step))];
    const link = /** @type {HTMLElement | null} */ (next.querySelector("a, button"));
    if (!link) return;
    event.preventDefault();
    link.focus();
  });
}

bindTheme();
bindMenus();
bindDialogs();
bindTabs();
bindToasts();
bindRows();
