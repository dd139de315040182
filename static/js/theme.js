// @ts-check
// The choice lives in a cookie: the server writes it into <html> and the first paint is already right.

const YEAR = 365 * 24 * 60 * 60; // seconds

/** @param {string} theme "light", "dark", or nothing for the system's */
function choose(theme) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${theme}; Path=/; Max-Age=${theme ? YEAR : 0}; SameSite=Lax${secure}`;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  for (const button of document.querySelectorAll("[data-theme-switch] button")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("value") === theme));
  }
}

export function bindTheme() {
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target.closest("[data-theme-switch] button") : null;
    if (target instanceof HTMLButtonElement) choose(target.value);
  });
}
