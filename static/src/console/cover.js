/** What stands in place of the picture while there is none: why, and what to do about it. */
import { byId } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { guestState } from "./guest.js";
import { why } from "./why.js";

/** @typedef {{title: string, text?: string, values?: Record<string, string | number>, sentence?: string, isWaiting?: boolean, canStart?: boolean, canRetry?: boolean, canLogIn?: boolean, canOpenUp?: boolean}} Words */

export class Cover {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
  }

  get isShown() {
    return !this.root.hidden;
  }

  /** @param {string} part @returns {HTMLElement | null} */
  #part(part) {
    return this.root.querySelector(`[data-part="${part}"]`);
  }

  /** @param {string} part @param {string} words */
  #write(part, words) {
    const element = this.#part(part);
    if (element && element.textContent !== words) element.textContent = words;
  }

  /**
   * Show it; null shows the picture.
   * @param {Words | null} words
   */
  show(words) {
    this.root.hidden = !words;
    if (!words) return;
    this.#write("title", text(words.title));
    this.#write("text", words.sentence ?? (words.text ? text(words.text, words.values) : ""));
    const shown = { spinner: words.isWaiting, start: words.canStart, again: words.canRetry, login: words.canLogIn, openup: words.canOpenUp };
    for (const [part, is] of Object.entries(shown)) {
      const element = this.#part(part);
      if (element) element.hidden = !is;
    }
  }
}

/** @param {string} words "" hides it */
export function showNotice(words) {
  const notice = byId("console-notice");
  const place = notice?.querySelector("div");
  if (!notice || !place) return;
  notice.hidden = !words;
  if (place.textContent !== words) place.textContent = words;
}

/**
 * How a console that ended is explained, by the close code of its websocket; `retry` says whether to
 * connect again by itself.
 * @type {Record<number, {cover: Words, retry: boolean}>}
 */
export const ENDINGS = {
  4401: { retry: false, cover: { title: "consoleLogout", text: "consoleLogoutText", canLogIn: true } },
  4403: { retry: false, cover: { title: "consoleRevoked", text: "consoleRevokedText" } },
  4404: { retry: false, cover: { title: "consoleGone", text: "consoleGoneText" } },
  4405: { retry: false, cover: { title: "consoleTime", text: "consoleTimeText", canRetry: true } },
  4408: { retry: false, cover: { title: "consoleSlow", text: "consoleSlowText", canRetry: true } },
  4409: { retry: false, cover: { title: "consoleSerialBusy", text: "consoleSerialBusyText", canRetry: true } },
  4410: { retry: true, cover: { title: "consoleEnded", text: "consoleEndedText", isWaiting: true } },
  4423: { retry: true, cover: { title: "consoleAlone", text: "consoleAloneText", canOpenUp: true } },
  4424: { retry: false, cover: { title: "consoleUnrecorded", text: "consoleUnrecordedText", canRetry: true } },
  4429: { retry: false, cover: { title: "consoleMany", text: "consoleManyText", canRetry: true } },
  4503: { retry: true, cover: { title: "consoleHost", text: "consoleHostText", isWaiting: true } },
};

/** Of a guest that is off: since what, and how to go on. @returns {Words} */
export function offWords() {
  const guest = guestState();
  const reason = text(why({ code: 4410, isOnline: true, isOtherServer: false, guest: { ...guest, state: "off" } }));
  return { title: "consoleOff", sentence: `${reason} ${text("consoleOffText")}`, canStart: true };
}

/** What the server says instead of a ticket. @type {Record<string, Words>} */
export const REFUSALS = {
  "console-off": { title: "consoleOff", text: "consoleOffText", canStart: true },
};
