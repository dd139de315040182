// @ts-check
// Buttons that copy a text of the page. Without a clipboard (an unsafe address, an old browser) they stay hidden.

const SHOWN_MS = 2000;
const said = document.querySelector("[data-copy-said]");

/** @param {HTMLElement} button */
function start(button) {
  const label = button.querySelector("[data-copy-label]");
  const words = label?.textContent ?? "";
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy ?? "")?.textContent?.trim() ?? "";
    await navigator.clipboard.writeText(text);
    const done = button.dataset.copied ?? "";
    if (label) label.textContent = done;
    if (said) said.textContent = done;
    setTimeout(() => {
      if (label) label.textContent = words;
      if (said) said.textContent = "";
    }, SHOWN_MS);
  });
}

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copy]")) start(/** @type {HTMLElement} */ (button));
}
