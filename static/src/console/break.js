/** Follows one interruption of a console from its beginning to its end, and says why it was. */
import { text } from "../lib/texts.js";
import { toast } from "../ui/toast.js";
import { guestState } from "./guest.js";
import { why } from "./why.js";

export class Break {
  /** Of the websocket that ended; 0 while nothing is interrupted. */
  #code = 0;
  #wasOnline = true;
  #isOtherServer = false;
  #server = "";

  /** @param {() => Promise<void>} reread lets the page say of its guest what is true now */
  constructor(reread) {
    this.reread = reread;
  }

  /** @param {number} code of the websocket that ended */
  began(code) {
    if (this.#code && code === 1006) return; // an attempt that failed: the reason stays the first
    this.#code = code;
    this.#wasOnline = navigator.onLine;
  }

  /** The server gave a ticket. @param {string} server its process, which is another after a restart */
  answered(server) {
    this.#isOtherServer = Boolean(this.#server) && server !== this.#server;
    this.#server = server;
  }

  /** It is connected again: say why it was not. */
  async over() {
    const seen = { code: this.#code, isOnline: this.#wasOnline, isOtherServer: this.#isOtherServer };
    this.#code = 0;
    if (!seen.code) return;
    await this.reread(); // it may be connected again before the page has heard why it was not
    const reason = why({ ...seen, guest: guestState() });
    if (reason) toast(text("backAgain", { why: text(reason) }));
  }
}
