/** Keeps one console of a guest open: connects, explains endings, waits, and connects again. */
import { text } from "../lib/texts.js";
import { Cover, ENDINGS, offWords, REFUSALS } from "./cover.js";
import { Break } from "./break.js";
import { guestState } from "./guest.js";
import { Talk } from "./talk.js";
import { NoTicket, openSocket } from "./ticket.js";

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8000;
const KEPT_OUT = 4423;

/** @typedef {import("./opener.js").Seat} Seat */
/** @typedef {import("./opener.js").Address} Address */
/** @typedef {import("./company.js").Seats} Seats */
/**
 * @typedef {object} Page what a session has from the page around it
 * @property {() => Promise<import("./opener.js").Opener>} load
 * @property {() => void} changed called when `seat` or `status` is another
 * @property {(session: Session, before: Seats | null, now: Seats) => void} heard of seats
 * @property {() => Promise<void>} reread lets the page say of its guest what is true now
 */

export class Session {
  /** @type {Seat | null} */
  #seat = null;
  /** Grows with every attempt, so that a late answer of an old one is ignored. */
  #attempt = 0;
  #waitMs = FIRST_WAIT_MS;
  /** The guest's side has answered. */
  #isOpen = false;
  /** It can be used: opened, and the server has said who has control. */
  #isConnected = false;
  #isConnecting = false;
  #isStopped = false;
  #hasBegun = false;
  /** @type {Break} */
  #break;
  /** Whether the keyboard was in the guest when it went away. */
  #hadFocus = true;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  status = "";
  /** Somebody wants the guest for himself alone. */
  isKeptOut = false;

  /**
   * @param {HTMLElement} panel holds the place of the picture and its cover
   * @param {Address} address
   * @param {Page} page
   */
  constructor(panel, address, { load, changed, heard, reread }) {
    this.#break = new Break(reread);
    this.talk = new Talk(address.wanted, (before, now) => {
      this.#seat?.setControl(now.control);
      this.#connected();
      heard(this, before, now);
      changed();
    });
    this.panel = panel;
    this.address = address;
    // What is typed here is for the guest, or for nobody: no shortcut of the page is meant.
    panel.addEventListener("keydown", (event) => event.stopPropagation());
    this.place = /** @type {HTMLElement} */ (panel.querySelector("[data-place]"));
    this.cover = new Cover(/** @type {HTMLElement} */ (panel.querySelector("[data-cover]")));
    this.load = load;
    this.changed = changed;
  }

  /** The open connection. */
  get seat() {
    return this.#isConnected ? this.#seat : null;
  }

  /** The guest was off, or nothing is tried for another reason that may pass. */
  get isAsleep() {
    return this.#hasBegun && !this.#isConnected && !this.#isConnecting && !this.#isStopped;
  }

  /** Somebody looks at this console now: from here on it keeps itself open. */
  begin() {
    if (this.#hasBegun) return this.seat?.focus();
    this.#hasBegun = true;
    this.stateChanged();
  }

  /** Connect now, whatever happened before. */
  connect() {
    clearTimeout(this.#timer);
    const mine = ++this.#attempt;
    this.#close();
    this.#hasBegun = true;
    this.#isStopped = this.isKeptOut = false;
    this.#isConnecting = true;
    this.#says(text("connecting"));
    if (!this.cover.isShown) this.cover.show({ title: "connecting", isWaiting: true });
    this.#open(mine).catch((error) => mine === this.#attempt && this.#failed(error));
  }

  /** @param {number} mine */
  async #open(mine) {
    const open = await this.load();
    const { socket, server } = await openSocket(this.address.ticketUrl, this.address.wanted);
    this.#break.answered(server);
    if (mine !== this.#attempt) return socket.close();
    this.talk.begin(socket);
    this.#seat = open(this.place, socket, this.address, {
      connected: () => mine === this.#attempt && this.#opened(),
      says: (words) => mine === this.#attempt && this.#says(words),
      ended: (code, reason) => mine === this.#attempt && this.#ended(code, reason),
    });
  }

  /** Whether keys and pointer go to the guest. */
  get hasControl() {
    return Boolean(this.seat && this.talk.seats?.control);
  }

  #close() {
    this.talk.end();
    this.#isOpen = this.#isConnected = this.#isConnecting = false;
    this.#seat?.close();
    this.#seat = null;
    this.changed();
  }

  /** @param {string} words */
  #says(words) {
    this.status = words;
    this.changed();
  }

  #opened() {
    this.#isOpen = true;
    this.#connected();
  }

  /** Show it once what is typed would arrive. */
  #connected() {
    if (!this.#isOpen || !this.talk.seats || this.#isConnected) return;
    this.#waitMs = FIRST_WAIT_MS;
    this.#isConnected = true;
    this.#isConnecting = false;
    this.cover.show(null);
    this.#break.over();
    this.changed();
    const isBusy = document.querySelector("dialog[open], .menu:popover-open");
    if (this.#hadFocus && !isBusy && !this.panel.hidden) this.#seat?.focus();
  }

  /** @param {number} code @param {string} reason */
  #ended(code, reason) {
    if (this.#isConnected) this.#hadFocus = this.panel.contains(document.activeElement) || document.activeElement === document.body;
    this.#attempt++;
    this.#close();
    this.#says("");
    this.isKeptOut = code === KEPT_OUT;
    this.#break.began(code);
    const ending = ENDINGS[code];
    if (ending) this.cover.show(ending.cover);
    if (ending && !ending.retry) return void (this.#isStopped = true);
    if (guestState().state === "off") return this.cover.show(offWords());
    if (reason === "unsupported") return this.#stop({ title: "consoleRefused", text: "consoleUnsupported", canRetry: true });
    this.#again(ending ? null : "consoleLost");
  }

  /** @param {import("./cover.js").Words} words */
  #stop(words) {
    this.#isStopped = true;
    this.cover.show(words);
  }

  /** @param {unknown} error */
  #failed(error) {
    this.#isConnecting = false;
    this.#says("");
    if (!(error instanceof NoTicket)) return this.#again("consoleLost");
    if (error.status === 404) return this.cover.show(ENDINGS[4404]?.cover ?? null);
    if (guestState().isCreating) return this.cover.show({ title: "consoleCreating", text: "consoleCreatingText", isWaiting: true });
    const refusal = REFUSALS[error.code];
    if (refusal) return this.cover.show(refusal);
    if (error.status === 409) return this.cover.show({ title: "consoleRefused", sentence: error.message, canRetry: true });
    this.#again("consoleLost");
  }

  /** Connect again after a while. @param {string | null} title of the cover; null leaves it */
  #again(title) {
    if (title) {
      const values = { seconds: Math.max(1, Math.round(this.#waitMs / 1000)) };
      this.cover.show({ title, text: "consoleLostText", values, isWaiting: true, canRetry: true });
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.connect(), this.#waitMs * (0.8 + Math.random() * 0.4));
    this.#waitMs = Math.min(LONGEST_WAIT_MS, this.#waitMs * 2);
  }

  /** The guest's state was read again: connect when it runs, explain when it does not. */
  stateChanged() {
    const { state, isCreating } = guestState();
    if (!this.#hasBegun || this.#isConnected || this.#isConnecting || this.#isStopped) return;
    if (isCreating) return this.cover.show({ title: "consoleCreating", text: "consoleCreatingText", isWaiting: true });
    if (state === "off") {
      clearTimeout(this.#timer);
      return this.cover.show(offWords());
    }
    if (state === "running" || state === "paused") {
      this.#waitMs = FIRST_WAIT_MS;
      this.connect();
    }
  }
}
