// @ts-check
// The alerts that wait: new ones on top, changes in place, judged ones dimmed and then gone.
import { LiveSocket } from "./live-socket.js";
import { LiveTable } from "./live-table.js";

/**
 * @typedef {{ number: number | null, change: string | null, id: number, payment: string, payment_url: string,
 *   customer: string, amount: string | null, currency: string, outcome: string, outcome_label: string,
 *   severity: string, severity_label: string, status: string, status_label: string, open: boolean,
 *   rule_label: string, raised_at: string, url: string }} Alert
 */

const KEPT = 20; // rows, as many as the server sends (OPEN_SHOWN)
const LEAVES_AFTER = 6_000; // milliseconds that a judged alert stays, dimmed: long enough to see what became of it
const SAID_EVERY = 5_000; // a screen reader hears of new ones this often at most
const HOLE = 4000; // close code of ours: something is missing, start again from the last number

export class AlertSocket extends LiveSocket {
  /** @param {string} url @param {number} after */
  constructor(url, after) {
    super(url);
    this.after = after;
  }

  address() {
    return `${this.url}&after=${this.after}`;
  }

  opened() {
    this.say("connected"); // what was missed comes by itself: the address says where we are
  }

  /** New ones among them, or null when some before them are missing. @param {{ first: number, number: number, alerts: Alert[] }} page */
  take(page) {
    if (page.first > this.after + 1) {
      this.socket?.close(HOLE);
      return null;
    }
    const fresh = page.alerts.filter((alert) => Number(alert.number) > this.after);
    this.after = Math.max(this.after, page.number);
    return fresh;
  }

  /** The list as it is now. */
  ask() {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type: "list" }));
  }
}

export class AlertTable extends LiveTable {
  /** @param {HTMLElement} root @param {() => void} refill */
  constructor(root, refill) {
    super(root, "alert-row", KEPT);
    this.refill = refill;
    this.more = this.body.rows.length >= KEPT; // older ones wait behind those shown
    this.unsaid = 0;
    /** @type {number | undefined} */
    this.saying = undefined;
  }

  /** Changes, oldest first. @param {Alert[]} alerts */
  changed(alerts) {
    for (const alert of alerts) this.change(alert);
    this.settle();
  }

  /** @param {Alert} alert */
  change(alert) {
    const row = this.find(alert.id);
    const waiting = this.held.findIndex((other) => String(other.id) === String(alert.id));
    if (row) this.touch(row, alert);
    else if (waiting >= 0 && alert.open) this.held[waiting] = /** @type {any} */ (alert);
    else if (waiting >= 0) {
      this.held.splice(waiting, 1); // judged before anybody saw it here
      this.count -= 1;
    } else if (alert.open && alert.change === "raised") this.arrive(alert);
  }

  /** @param {Alert} alert */
  arrive(alert) {
    this.hold(/** @type {any} */ (alert));
    this.unsaid += 1;
    this.saying ??= window.setTimeout(() => this.announce(), SAID_EVERY);
  }

  /** @param {HTMLTableRowElement} row @param {Alert} alert */
  touch(row, alert) {
    this.fill(row, /** @type {any} */ (alert));
    row.classList.remove("fresh", "changed");
    void row.offsetWidth; // lets the highlight start anew
    row.classList.add("changed");
    if (alert.open || row.dataset.done) return;
    row.dataset.done = String(Date.now());
    setTimeout(() => this.settle(), LEAVES_AFTER);
  }

  /** All that waits, newest first: instead of what is shown. @param {Alert[]} alerts */
  replace(alerts) {
    const focused = document.activeElement?.closest?.("tr")?.dataset.id;
    this.held = [];
    this.count = 0;
    this.more = alerts.length >= KEPT;
    delete this.bar.dataset.waiting;
    const rows = alerts.map((alert) => {
      const row = this.row(/** @type {any} */ (alert));
      row.classList.remove("fresh");
      return row;
    });
    this.body.replaceChildren(...rows);
    if (focused) this.find(focused)?.querySelector("a")?.focus({ preventScroll: true });
    this.showEmpty();
  }

  settle() {
    if (!this.busy()) this.dismiss();
    if (this.count) super.settle();
    else delete this.bar.dataset.waiting;
  }

  dismiss() {
    const before = Date.now() - LEAVES_AFTER;
    for (const row of this.body.querySelectorAll("tr[data-done]")) {
      if (Number(/** @type {HTMLElement} */ (row).dataset.done) <= before) row.remove();
    }
    if (this.more && this.body.rows.length + this.held.length < KEPT / 2) {
      this.more = false; // until the answer says otherwise
      this.refill();
    }
    this.showEmpty();
  }

  announce() {
    this.saying = undefined;
    const said = this.root.querySelector("[data-said]");
    const words = this.unsaid === 1 ? this.root.dataset.saidOne : this.root.dataset.saidOther;
    if (said) said.textContent = (words ?? "").replace("{count}", this.number.format(this.unsaid));
    this.unsaid = 0;
  }

  /** Text only, never markup. @param {HTMLElement} row @param {any} alert */
  fill(row, alert) {
    /** @param {string} name */
    const cell = (name) => /** @type {HTMLElement} */ (row.querySelector(`[data-cell="${name}"]`));
    for (const name of ["currency", "rule_label", "payment", "customer"]) cell(name).textContent = alert[name] ?? "";
    cell("amount").textContent = alert.amount === null ? "" : this.money.format(alert.amount);
    cell("severity").textContent = alert.severity_label;
    cell("severity").dataset.severity = alert.severity;
    cell("rule_label").setAttribute("href", alert.url?.startsWith("/") ? alert.url : "#");
    cell("payment").setAttribute("href", alert.payment_url?.startsWith("/") ? alert.payment_url : "#");
    cell("status").textContent = alert.status_label;
    cell("status").dataset.status = alert.status;
    cell("decision").hidden = !alert.outcome;
    cell("decision").textContent = alert.outcome_label;
    cell("decision").dataset.outcome = alert.outcome;
    this.date(cell("raised_at"), alert.raised_at);
  }
}

/** @param {HTMLElement} root */
function start(root) {
  const indicator = /** @type {HTMLElement} */ (root.querySelector("[data-alerts-state]"));
  const socket = new AlertSocket(root.dataset.url ?? "", Number(root.dataset.after));
  const table = new AlertTable(root, () => socket.ask());
  /** @param {Event} event */
  const detail = (event) => /** @type {CustomEvent} */ (event).detail;
  socket.addEventListener("state", (event) => {
    const state = detail(event) === "ended" ? "offline" : detail(event);
    indicator.dataset.state = state;
    indicator.textContent = indicator.dataset[state] ?? state;
  });
  socket.addEventListener("alerts", (event) => table.changed(socket.take(detail(event)) ?? []));
  socket.addEventListener("reset", (event) => {
    socket.after = detail(event).number;
    table.replace(detail(event).alerts ?? []);
  });
  socket.open();
}

for (const root of document.querySelectorAll("[data-live-alerts]")) start(/** @type {HTMLElement} */ (root));
