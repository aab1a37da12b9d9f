/** What a console and the server say about seats: who is there, who has control, what is wished. */

/** @typedef {import("./company.js").Seats} Seats */
/** @typedef {import("./ticket.js").Wanted} Wanted */

export class Talk {
  /** As the server said it last; null while not connected. @type {Seats | null} */
  seats = null;
  /** What was wished last. */
  lastWish = "";
  /** Who has control elsewhere himself takes it along when he opens another console, once. */
  #isFirst = true;
  /** Whether another console of the looker's own took the control that this one had. */
  #isLent = false;
  /** @type {WebSocket | null} */
  #socket = null;

  /**
   * @param {Wanted} wanted
   * @param {(before: Seats | null, now: Seats) => void} heard
   */
  constructor(wanted, heard) {
    this.wanted = wanted;
    this.heard = heard;
  }

  /**
   * Hear the text of a websocket from now on, which nobody else will. To be called before the
   * picture's own listener is there.
   * @param {WebSocket} socket
   */
  begin(socket) {
    this.#socket = socket;
    socket.addEventListener("message", (event) => {
      if (typeof event.data !== "string") return;
      event.stopImmediatePropagation();
      if (socket === this.#socket) this.#told(JSON.parse(event.data));
    });
  }

  /** The connection has ended. */
  end() {
    this.#socket = null;
    this.seats = null;
  }

  /** @param {Seats} now */
  #told(now) {
    const before = this.seats;
    this.seats = now;
    const { kind, device } = this.wanted;
    // Who watched when the connection was lost comes back to watch.
    this.wanted.claims = now.control ? "1" : "0";
    const holder = now.people.find((each) => each.control && each.kind === kind && String(each.device) === device);
    const isLetGo = this.lastWish === "release" || this.lastWish === "give";
    if (before?.control && !now.control) this.#isLent = !isLetGo;
    if (now.control || (holder && !holder.mine)) this.#isLent = false;
    const comesBack = this.#isLent && !holder && now.may.control;
    if (comesBack || (this.#isFirst && !now.control && holder?.mine)) this.wish("claim");
    this.#isFirst = false;
    this.heard(before, now);
  }

  /** The looker works here now: what another console of his has comes back. */
  fetch() {
    if (this.#isLent) this.wish("claim");
  }

  /** Tell the server what somebody wants. @param {string} kind @param {string} [to] another seat */
  wish(kind, to = "") {
    if (!kind || this.#socket?.readyState !== WebSocket.OPEN) return;
    if (kind !== "here") this.lastWish = kind;
    this.#socket.send(JSON.stringify({ t: kind, to }));
  }
}
