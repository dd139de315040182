// @ts-check

const STAY = 8000; // milliseconds: long enough to read two lines twice

/** @param {Element} toast */
function expire(toast) {
  // A warning or a failure stays until it is dismissed: nobody should miss it by looking away.
  if (["danger", "warning"].includes(toast.getAttribute("data-tone") ?? "")) return;
  setTimeout(() => {
    if (toast.matches(":hover, :focus-within")) expire(toast);
    else toast.remove();
  }, STAY);
}

/** @param {string} text @param {string} [tone] */
export function toast(text, tone = "info") {
  const template = document.getElementById("toast");
  const holder = document.querySelector("[data-toasts]");
  if (!(template instanceof HTMLTemplateElement) || !holder) return;
  const node = /** @type {Element | null} */ (template.content.querySelector(".toast")?.cloneNode(true));
  if (!node) return;
  node.setAttribute("data-tone", tone);
  const words = node.querySelector("p");
  if (words) words.textContent = text;
  const use = node.querySelector("use");
  use?.setAttribute("href", (use.getAttribute("href") ?? "").replace(/#.*/, `#${tone}`));
  holder.append(node);
  expire(node);
}

export function bindToasts() {
  for (const node of document.querySelectorAll("[data-toasts] > .toast")) expire(node);
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("[data-dismiss]")) target.closest(".toast")?.remove();
    const sample = target?.closest("[data-toast]");
    if (sample) toast(sample.getAttribute("data-toast") ?? "", sample.getAttribute("data-tone") ?? "info");
  });
}
