// @ts-check
// A socket that comes back: back-off with jitter, no message twice, what was missed is asked for again.

/** @typedef {"connecting" | "connected" | "reconnecting" | "paused" | "offline" | "ended"} State */
/** @typedef {{ type: string, seq?: number, payment?: { id: string | number } }} Message */

const FIRST_WAIT = 500; // milliseconds
const LONGEST_WAIT = 30_000; // a restart of the server takes less; a laptop lid takes more and is woken by "online"
const HIDDEN_FOR = 30_000; // a hidden tab lets go of its socket after this, and resumes when it is seen again
const REMEMBERED = 2000; // identities of recent messages, more than any resume sends again
const NOT_ALLOWED = [4401, 4403]; // close codes: no session, or not this person's stream

export class LiveSocket extends EventTarget {
  /** @param {string} url */
  constructor(url) {
    super();
    this.url = url;
    this.last = 0;
    this.failures = 0;
    /** @type {Set<string>} */
    this.seen = new Set();
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {number | undefined} */
    this.timer = undefined;
    /** @type {number | undefined} */
    this.pause = undefined;
    /** @type {State} */
    this.state = "connecting";
    addEventListener("online", () => this.retry());
    addEventListener("offline", () => this.say("offline"));
    document.addEventListener("visibilitychange", () => this.watch());
  }

  open() {
    clearTimeout(this.timer);
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.addEventListener("open", () => this.opened(socket));
    socket.addEventListener("message", (event) => this.receive(event.data));
    socket.addEventListener("close", (event) => this.closed(socket, event.code));
  }

  /** @param {WebSocket} socket */
  opened(socket) {
    this.failures = 0;
    this.say("connected");
    if (this.last) this.resume(this.last, socket);
  }

  /** @param {number} after @param {WebSocket | null} [socket] */
  resume(after, socket = this.socket) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "resume", after }));
  }

  /** @param {string} text */
  receive(text) {
    /** @type {Message} */
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return; // not ours; the next one may be
    }
    if (typeof message.seq === "number" && !this.fresh(message)) return;
    this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
  }

  /** False for one already shown. A number that jumps means some are missing: ask for them. @param {Message} message */
  fresh(message) {
    const seq = message.seq ?? 0;
    const key = `${seq}:${message.payment?.id}`; // with the id, because a restarted server counts from one again
    if (this.seen.has(key)) return false;
    this.seen.add(key);
    if (this.seen.size > REMEMBERED) this.seen.delete(/** @type {string} */ (this.seen.values().next().value));
    if (this.last && seq > this.last + 1) this.resume(this.last);
    this.last = Math.max(this.last, seq);
    return true;
  }

  /** @param {WebSocket} socket @param {number} code */
  closed(socket, code) {
    if (socket !== this.socket) return;
    this.socket = null;
    if (NOT_ALLOWED.includes(code)) return this.say("ended");
    if (this.state === "paused") return;
    this.say(navigator.onLine ? "reconnecting" : "offline");
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.failures++);
    // Half of the wait is drawn by lot: a thousand consoles must not knock at the same second.
    this.timer = setTimeout(() => this.open(), wait / 2 + (Math.random() * wait) / 2);
  }

  retry() {
    if (this.socket || this.state === "ended") return;
    this.failures = 0;
    this.open();
  }

  watch() {
    clearTimeout(this.pause);
    if (document.hidden) {
      this.pause = setTimeout(() => {
        if (this.state === "ended") return;
        this.say("paused");
        clearTimeout(this.timer);
        this.socket?.close();
      }, HIDDEN_FOR);
    } else if (this.state === "paused") {
      this.say("reconnecting");
      this.retry();
    }
  }

  /** @param {State} state */
  say(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}
