/** What stands in place of the picture while there is none: why, and what to do about it. */
import { byId } from "../lib/dom.js";
import { text } from "../lib/texts.js";

/** @typedef {{title: string, text?: string, values?: Record<string, string | number>, sentence?: string, isWaiting?: boolean, canStart?: boolean, canRetry?: boolean, canLogIn?: boolean}} Cover */

/** @param {string} id @param {boolean} isShown */
function show(id, isShown) {
  const element = byId(id);
  if (element) element.hidden = !isShown;
}

/** @param {string} id @param {string} words */
function write(id, words) {
  const element = byId(id);
  if (element && element.textContent !== words) element.textContent = words;
}

/**
 * Show it; null shows the picture.
 * @param {Cover | null} cover
 */
export function showCover(cover) {
  show("cover", Boolean(cover));
  if (!cover) return;
  write("cover-title", text(cover.title));
  write("cover-text", cover.sentence ?? (cover.text ? text(cover.text, cover.values) : ""));
  show("cover-spinner", Boolean(cover.isWaiting));
  show("cover-start", Boolean(cover.canStart));
  show("cover-again", Boolean(cover.canRetry));
  show("cover-login", Boolean(cover.canLogIn));
}

/** @param {string} words */
export function showStatus(words) {
  write("console-status", words);
}

/** @param {string} words "" hides it */
export function showNotice(words) {
  const notice = byId("console-notice");
  const place = notice?.querySelector("div");
  if (!notice || !place) return;
  notice.hidden = !words;
  place.textContent = words;
}

/**
 * How a console that ended is explained, by the close code of its websocket; `retry` says whether to
 * connect again by itself.
 * @type {Record<number, {cover: Cover, retry: boolean}>}
 */
export const ENDINGS = {
  4401: { retry: false, cover: { title: "consoleLogout", text: "consoleLogoutText", canLogIn: true } },
  4403: { retry: false, cover: { title: "consoleRevoked", text: "consoleRevokedText" } },
  4404: { retry: false, cover: { title: "consoleGone", text: "consoleGoneText" } },
  4408: { retry: false, cover: { title: "consoleSlow", text: "consoleSlowText", canRetry: true } },
  4410: { retry: true, cover: { title: "consoleEnded", text: "consoleEndedText", isWaiting: true } },
  4429: { retry: false, cover: { title: "consoleMany", text: "consoleManyText", canRetry: true } },
  4503: { retry: true, cover: { title: "consoleHost", text: "consoleHostText", isWaiting: true } },
};

/** What the server says instead of a ticket. @type {Record<string, Cover>} */
export const REFUSALS = {
  "console-off": { title: "consoleOff", text: "consoleOffText", canStart: true },
};
