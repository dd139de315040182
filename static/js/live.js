// @ts-check
// The Activity page: joins the socket to the indicator, the tiles and the table.
import { LiveSocket } from "./live-socket.js";
import { LiveTable } from "./live-table.js";
import { toast } from "./toasts.js";

/** @typedef {{ label: string, value: string | number, hint?: string, tone?: string }} Tile */

/** @param {Tile[]} tiles */
function showTiles(tiles) {
  const nodes = document.querySelectorAll("[data-tiles] > .tile");
  tiles.forEach((tile, place) => {
    const node = nodes[place];
    if (!node) return;
    node.setAttribute("data-tone", tile.tone ?? "");
    for (const [selector, words] of [["dt", tile.label], [".value", tile.value], [".hint", tile.hint ?? ""]]) {
      const part = node.querySelector(String(selector));
      if (part && part.textContent !== String(words)) part.textContent = String(words);
    }
  });
}

/** @param {HTMLElement} indicator @param {string} state */
function showState(indicator, state) {
  indicator.dataset.state = state === "ended" ? "offline" : state;
  indicator.textContent = indicator.dataset[state === "ended" ? "offline" : state] ?? state;
  if (state === "ended") toast(indicator.dataset.ended ?? "", "warning");
}

function start() {
  const indicator = /** @type {HTMLElement | null} */ (document.querySelector("[data-live]"));
  const root = /** @type {HTMLElement | null} */ (document.querySelector("[data-live-table]"));
  if (!indicator?.dataset.url || !root) return;
  const table = new LiveTable(root);
  const socket = new LiveSocket(indicator.dataset.url);
  /** @param {Event} event */
  const detail = (event) => /** @type {CustomEvent} */ (event).detail;
  socket.addEventListener("state", (event) => showState(indicator, detail(event)));
  for (const type of ["payments", "latest"]) {
    socket.addEventListener(type, (event) => table.addAll(detail(event).payments ?? []));
  }
  socket.addEventListener("stats", (event) => showTiles(detail(event).tiles ?? []));
  socket.open();
}

start();
