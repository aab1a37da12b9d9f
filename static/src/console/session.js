/** Keeps a guest's screen open: connects, explains endings, waits, and connects again. */
import { byId } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { ENDINGS, REFUSALS, showCover, showNotice, showStatus } from "./cover.js";
import { NoTicket, openScreen } from "./screen.js";

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8000;

/** @typedef {Awaited<ReturnType<typeof openScreen>>} Rfb */

const root = /** @type {HTMLElement} */ (byId("console"));
const place = /** @type {HTMLElement} */ (byId("screen-canvas"));
/** @type {Rfb | null} */
let rfb = null;
/** Grows with every attempt, so that a late answer of an old one is ignored. */
let attempt = 0;
let waitMs = FIRST_WAIT_MS;
let isConnected = false;
let isStopped = false;
/** Whether the keyboard was in the guest when it went away. */
let hadFocus = true;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {MutationObserver | undefined} */
let sizes;

/** @returns {{state: string, label: string, isCreating: boolean}} */
export function guestState() {
  const { state = "unknown", label = "", creating } = byId("console-head")?.dataset ?? {};
  return { state, label, isCreating: creating === "1" };
}

/** The open connection, for the toolbar. */
export function screen() {
  return isConnected ? rfb : null;
}

/** Connect now, whatever happened before. */
export function connect() {
  clearTimeout(timer);
  const mine = ++attempt;
  rfb?.disconnect();
  rfb = null;
  isStopped = false;
  setConnected(false);
  showStatus(text("connecting"));
  if (byId("cover")?.hidden) showCover({ title: "connecting", isWaiting: true });
  open(mine).catch((error) => mine === attempt && failed(error));
}

/** @param {number} mine */
async function open(mine) {
  const opened = await openScreen(place, root.dataset.ticketUrl ?? "", root.dataset.name ?? "", {
    connected: (canvas) => mine === attempt && connected(canvas),
    ended: (code) => mine === attempt && ended(code),
  });
  if (mine === attempt) rfb = opened;
  else opened.disconnect();
}

/** @param {boolean} is */
function setConnected(is) {
  isConnected = is;
  const button = byId("send-cad");
  if (button instanceof HTMLButtonElement) button.disabled = !is;
}

/** @param {HTMLCanvasElement | null} canvas */
function connected(canvas) {
  waitMs = FIRST_WAIT_MS;
  setConnected(true);
  showCover(null);
  const scale = byId("scale");
  if (rfb && scale) rfb.scaleViewport = scale.getAttribute("aria-pressed") === "true";
  if (hadFocus && !document.querySelector("dialog[open], .menu:popover-open")) rfb?.focus();
  sizes?.disconnect();
  if (!canvas) return showStatus(text("connected"));
  const say = () => showStatus(text("connectedSize", { width: canvas.width, height: canvas.height }));
  sizes = new MutationObserver(say);
  sizes.observe(canvas, { attributeFilter: ["width", "height"] });
  say();
}

/** @param {number} code */
function ended(code) {
  const wasConnected = isConnected;
  if (wasConnected) hadFocus = place.contains(document.activeElement) || document.activeElement === document.body;
  rfb = null;
  setConnected(false);
  showStatus("");
  const ending = ENDINGS[code];
  if (ending) showCover(ending.cover);
  if (ending && !ending.retry) return void (isStopped = true);
  if (guestState().state === "off") return showCover({ ...REFUSALS["console-off"], title: "consoleOff" });
  again(ending ? null : "consoleLost");
}

/** @param {unknown} error */
function failed(error) {
  showStatus("");
  if (!(error instanceof NoTicket)) return again("consoleLost");
  if (error.status === 404) return showCover(ENDINGS[4404]?.cover ?? null);
  if (guestState().isCreating) return showCover({ title: "consoleCreating", text: "consoleCreatingText", isWaiting: true });
  const cover = REFUSALS[error.code];
  if (cover) return showCover(cover);
  if (error.status === 409) return showCover({ title: "consoleRefused", sentence: error.message, canRetry: true });
  again("consoleLost");
}

/** Connect again after a while. @param {string | null} title of the cover; null leaves it */
function again(title) {
  if (title) {
    const values = { seconds: Math.max(1, Math.round(waitMs / 1000)) };
    showCover({ title, text: "consoleLostText", values, isWaiting: true, canRetry: true });
  }
  clearTimeout(timer);
  timer = setTimeout(connect, waitMs * (0.8 + Math.random() * 0.4));
  waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
}

/** The guest's state was read again: connect when it runs, explain when it does not. */
export function stateChanged() {
  const { state, isCreating } = guestState();
  showNotice(state === "paused" ? text("paused") : "");
  if (isConnected || isStopped) return;
  if (isCreating) return showCover({ title: "consoleCreating", text: "consoleCreatingText", isWaiting: true });
  if (state === "off") {
    clearTimeout(timer);
    return showCover(REFUSALS["console-off"] ?? null);
  }
  if (state === "running" || state === "paused") {
    waitMs = FIRST_WAIT_MS;
    connect();
  }
}
