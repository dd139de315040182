// @ts-check
// A socket that comes back: back-off with jitter, and what was missed is asked for.

/** @typedef {"connecting" | "connected" | "reconnecting" | "paused" | "offline" | "ended"} State */
/** @typedef {{ type: string, seq?: number }} Message */

const FIRST_WAIT = 500; // milliseconds
const LONGEST_WAIT = 30_000; // a restart of the server takes less; a laptop lid takes more and is woken by "online"
const HIDDEN_FOR = 30_000; // a hidden tab lets go of its socket after this, and resumes when it is seen again
const NOT_ALLOWED = [4401, 4403]; // close codes: no session, or not this person's stream

export class LiveSocket extends EventTarget {
  /** @param {string} url */
  constructor(url) {
    super();
    this.url = url;
    /** @type {number | null} */
    this.last = null; // number of the last push of this connection
    this.asked = false;
    this.again = false;
    this.failures = 0;
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

  /** Where to knock; a stream that can go on from a number says so here. */
  address() {
    return this.url;
  }

  open() {
    clearTimeout(this.timer);
    const socket = new WebSocket(this.address());
    this.socket = socket;
    socket.addEventListener("open", () => this.opened());
    socket.addEventListener("message", (event) => this.receive(event.data));
    socket.addEventListener("close", (event) => this.closed(socket, event.code));
  }

  opened() {
    this.last = null;
    this.asked = this.again = false;
    this.say("connected");
    this.resume(); // the first time too: payments arrive between the page and its socket
  }

  /** Ask for the latest, one question at a time; what is missed while one is open is asked for after its answer. */
  resume() {
    if (this.asked) this.again = true;
    else if (this.socket?.readyState === WebSocket.OPEN) {
      this.asked = true;
      this.socket.send(JSON.stringify({ type: "resume" }));
    }
  }

  answered() {
    this.asked = false;
    if (!this.again) return;
    this.again = false;
    this.resume();
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
    this.failures = 0; // only now: a server that accepts and then fails must not be knocked at twice a second
    if (typeof message.seq === "number") this.follow(message.seq);
    if (message.type === "latest") this.answered();
    this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
  }

  /** Anything but the next number means that some are missing, or that the server lost count. @param {number} seq */
  follow(seq) {
    if (this.last !== null && seq !== this.last + 1) this.resume();
    this.last = seq;
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
