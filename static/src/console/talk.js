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
  /**
   * The looker's own console that took the control which this one had, until it leaves; "" where it
   * is not known, null where there is nothing to come back.
   * @type {string | null}
   */
  #lentTo = null;
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
    // A connection that broke without a word may hold the seat, and control, for a while.
    if (this.seats?.control) this.#lentTo = "";
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
    const hasLost = Boolean(before?.control && !now.control);
    if (hasLost) this.#lentTo = this.lastWish === "release" || this.lastWish === "give" ? null : "";
    this.#follow(now, holder);
    // With the first word of a connection others of the looker's may not be back yet.
    const comesBack = before && this.#lentTo !== null && !holder;
    const takesAlong = this.#isFirst && !now.control && holder?.mine;
    this.#isFirst = false;
    if ((comesBack || takesAlong) && now.may.control) this.wish("claim");
    this.heard(before, now);
    if (hasLost) this.lastWish = ""; // it is answered, and explains no later loss
  }

  /**
   * Follow the control that is lent. Where it was let go, and did not leave with its console, it was
   * let go on purpose: for whoever wants it.
   * @param {Seats} now @param {import("./company.js").Sitter | undefined} holder
   */
  #follow(now, holder) {
    if (this.#lentTo === null) return;
    const isLetGo = !holder && now.people.some((each) => each.id === this.#lentTo);
    if (now.control || isLetGo || (holder && !holder.mine)) this.#lentTo = null;
    else if (holder) this.#lentTo = holder.id;
  }

  /** The looker works here now: what another console of his has comes back. */
  fetch() {
    if (this.#lentTo !== null) this.wish("claim");
  }

  /** Tell the server what somebody wants. @param {string} kind @param {string} [to] another seat */
  wish(kind, to = "") {
    if (!kind || this.#socket?.readyState !== WebSocket.OPEN) return;
    if (kind !== "here") this.lastWish = kind;
    this.#socket.send(JSON.stringify({ t: kind, to }));
  }
}
