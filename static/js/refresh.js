// @ts-check
// Fetches a part of the page again every few seconds, as long as somebody can see it and has not paused it.
// The reader's place stays: open details, scrolled tables and the focus, each found again by its id.

const part = /** @type {HTMLElement | null} */ (document.querySelector("[data-refresh]"));
const state = /** @type {HTMLElement | null} */ (document.querySelector("[data-refresh-state]"));
const pause = /** @type {HTMLButtonElement | null} */ (document.querySelector("[data-refresh-pause]"));
const said = /** @type {HTMLElement | null} */ (document.querySelector("[data-refresh-said]"));

/** @param {ParentNode} root */
const headline = (root) => root.querySelector("[data-refresh-headline]")?.textContent?.trim() ?? "";

/** @param {HTMLElement} root @param {Document} fresh */
function replace(root, fresh) {
  const open = new Set([...root.querySelectorAll("details[open]")].map((one) => one.id));
  const scrolled = [...root.querySelectorAll("[tabindex]")].map((one) => one.scrollLeft);
  const focusable = "[tabindex], summary, a, button";
  const focused = [...root.querySelectorAll(focusable)].indexOf(/** @type {Element} */ (document.activeElement));
  const before = headline(root);
  root.replaceChildren(...fresh.body.childNodes);
  for (const one of root.querySelectorAll("details")) one.open = open.has(one.id);
  root.querySelectorAll("[tabindex]").forEach((one, place) => { one.scrollLeft = scrolled[place] ?? 0; });
  const next = /** @type {HTMLElement | undefined} */ ([...root.querySelectorAll(focusable)][focused]);
  if (focused >= 0) next?.focus({ preventScroll: true });
  // Read aloud only when the state changes, not every few seconds.
  if (said && headline(root) !== before) said.textContent = headline(root);
}

/** Somebody is marking text to copy it. @param {HTMLElement} root */
function marking(root) {
  const selection = getSelection();
  return Boolean(selection && !selection.isCollapsed && root.contains(selection.anchorNode));
}

/** @param {HTMLElement} root */
function start(root) {
  const every = Number(root.dataset.refreshSeconds) * 1000;
  let ended = false;
  let asking = false;

  async function refresh() {
    if (ended || asking || document.hidden || marking(root) || pause?.getAttribute("aria-pressed") === "true") return;
    asking = true;
    try {
      const answer = await fetch(root.dataset.refresh ?? "", { redirect: "manual" });
      ended = answer.type === "opaqueredirect" || answer.status === 403;
      if (answer.ok) replace(root, new DOMParser().parseFromString(await answer.text(), "text/html"));
      if (state) state.textContent = answer.ok ? "" : (ended ? state.dataset.ended : state.dataset.late) ?? "";
    } catch {
      if (state) state.textContent = state.dataset.late ?? "";
    } finally {
      asking = false;
    }
  }

  pause?.removeAttribute("hidden");
  pause?.addEventListener("click", () => {
    pause.setAttribute("aria-pressed", String(pause.getAttribute("aria-pressed") !== "true"));
    refresh();
  });
  document.addEventListener("visibilitychange", refresh);
  setInterval(refresh, every);
}

if (part) start(part);
