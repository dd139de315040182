// @ts-check
// Puts arriving payments on top of the table, but never moves the row somebody is looking at.

/**
 * @typedef {{ id: string | number, external_id: string, attempted_at: string, customer_external_id: string,
 *   merchant_name: string, amount: string, currency: string, status: string, status_label: string,
 *   method_label: string, country: string, device_kind: string, url: string, decision?: Decision | null }} Payment
 * @typedef {{ outcome: string, label: string, severity: string, severity_label: string, score: number,
 *   url: string }} Decision
 */

const KEPT = 100; // rows on the page, as many as the server sends (LATEST); older ones are one click away in the admin
const PLAIN = /** @type {const} */ ([
  "external_id", "currency", "customer_external_id", "merchant_name", "method_label", "country", "device_kind",
]);

export class LiveTable {
  /** @param {HTMLElement} root @param {string} template @param {number} kept */
  constructor(root, template = "payment-row", kept = KEPT) {
    this.root = root;
    this.kept = kept;
    this.body = /** @type {HTMLTableSectionElement} */ (root.querySelector("tbody"));
    this.wrap = /** @type {HTMLElement} */ (root.querySelector(".table-wrap"));
    this.bar = /** @type {HTMLButtonElement} */ (root.querySelector(".arrivals"));
    this.template = /** @type {HTMLTemplateElement} */ (document.getElementById(template));
    /** @type {Payment[]} */
    this.held = [];
    this.count = 0;
    const lang = document.documentElement.lang;
    this.plural = new Intl.PluralRules(lang);
    this.number = new Intl.NumberFormat(lang);
    this.money = new Intl.NumberFormat(lang, { minimumFractionDigits: 2, maximumFractionDigits: 3 });
    this.bar.addEventListener("click", () => this.show());
    document.addEventListener("visibilitychange", () => this.settle());
    root.addEventListener("pointerleave", () => this.settle());
    root.addEventListener("focusout", () => setTimeout(() => this.settle()));
    this.wrap.addEventListener("scroll", () => this.settle(), { passive: true });
  }

  /** New ones and changed ones, oldest first; those already shown as they are change nothing. @param {Payment[]} payments */
  addAll(payments) {
    for (const payment of payments) this.add(payment);
    this.settle();
  }

  /** @param {Payment} payment */
  add(payment) {
    const row = this.find(payment.id);
    if (row) return this.fill(row, payment); // a change of state: in place, whatever the cursor does
    const waiting = this.held.findIndex((other) => String(other.id) === String(payment.id));
    if (waiting >= 0) this.held[waiting] = payment;
    else this.hold(payment);
  }

  /** @param {Payment} payment */
  hold(payment) {
    this.held.push(payment);
    if (this.held.length > this.kept) this.held.shift(); // would be trimmed anyway; the count still tells the truth
    this.count += 1;
  }

  /** Somebody is reading: the tab is hidden, the pointer or the focus is in the card, or the table is scrolled. */
  busy() {
    return document.hidden || this.wrap.scrollTop > 0 || this.root.matches(":hover, :focus-within");
  }

  settle() {
    if (!this.count) return;
    if (!this.busy()) return this.flush();
    this.bar.textContent = this.words();
    this.bar.dataset.waiting = String(this.count);
  }

  words() {
    const form = this.plural.select(this.count) === "one" && this.count === 1 ? "one" : "other";
    return (this.bar.dataset[form] ?? "").replace("{count}", this.number.format(this.count));
  }

  show() {
    this.flush();
    this.wrap.scrollTop = 0;
    this.body.querySelector("a")?.focus({ preventScroll: true });
  }

  flush() {
    const rows = this.held.map((payment) => this.row(payment));
    this.held = [];
    this.count = 0;
    delete this.bar.dataset.waiting;
    this.body.prepend(...rows.reverse());
    while (this.body.rows.length > this.kept) this.body.deleteRow(-1);
    this.showEmpty();
  }

  showEmpty() {
    this.root.querySelector("[data-empty]")?.toggleAttribute("hidden", this.body.rows.length > 0);
  }

  /** @param {string | number} id @returns {HTMLTableRowElement | null} */
  find(id) {
    return this.body.querySelector(`tr[data-id="${CSS.escape(String(id))}"]`);
  }

  /** @param {Payment} payment */
  row(payment) {
    const source = /** @type {Element} */ (this.template.content.querySelector("tr"));
    const row = /** @type {HTMLTableRowElement} */ (source.cloneNode(true));
    row.dataset.id = String(payment.id);
    row.classList.add("fresh");
    this.fill(row, payment);
    return row;
  }

  /** Text only, never markup: a merchant's name is data. @param {HTMLElement} row @param {Payment} payment */
  fill(row, payment) {
    /** @param {string} name */
    const cell = (name) => /** @type {HTMLElement} */ (row.querySelector(`[data-cell="${name}"]`));
    for (const name of PLAIN) cell(name).textContent = payment[name] ?? "";
    cell("external_id").setAttribute("href", payment.url?.startsWith("/") ? payment.url : "#");
    cell("amount").textContent = this.money.format(/** @type {any} */ (payment.amount)); // a string: no digit is lost
    cell("status").textContent = payment.status_label;
    cell("status").dataset.status = payment.status;
    this.judge(cell("decision"), cell("severity"), payment.decision ?? null);
    this.date(cell("attempted_at"), payment.attempted_at);
  }

  /** @param {HTMLElement} cell @param {string} text */
  date(cell, text) {
    const at = new Date(text);
    /** @type {HTMLTimeElement} */ (cell).dateTime = text;
    cell.textContent = Number.isNaN(at.getTime()) ? "" : at.toISOString().slice(0, 19).replace("T", " ");
  }

  /** What was decided, and how urgent its alert is. @param {HTMLElement} chip @param {HTMLElement} mark @param {Decision | null} decision */
  judge(chip, mark, decision) {
    chip.hidden = !decision;
    chip.textContent = decision?.label ?? "";
    chip.dataset.outcome = decision?.outcome ?? "";
    if (decision?.url?.startsWith("/")) chip.setAttribute("href", decision.url);
    else chip.removeAttribute("href");
    mark.hidden = !decision?.severity;
    mark.textContent = decision?.severity_label ?? "";
    mark.dataset.severity = decision?.severity ?? "";
  }
}
