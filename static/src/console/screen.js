/** One connection to a guest's screen: ticket, websocket, noVNC. It reports and decides nothing. */
import RFB from "@novnc/novnc";
import { ask, socketUrl } from "../lib/dom.js";
import { text } from "../lib/texts.js";

/**
 * @typedef {object} Hooks
 * @property {(canvas: HTMLCanvasElement | null) => void} connected
 * @property {(code: number) => void} ended with the websocket's close code
 */

/** The server gave no ticket. */
export class NoTicket extends Error {
  /** @param {number} status @param {string} code @param {string} detail */
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/**
 * @param {string} url
 * @returns {Promise<{url: string, protocols: string[]}>}
 */
async function ticket(url) {
  const answer = await ask(url, { method: "POST" });
  if (answer.ok) return answer.json();
  const isJson = answer.headers.get("Content-Type")?.includes("json");
  const { code = "", detail = "" } = isJson ? await answer.json() : {};
  throw new NoTicket(answer.status, code, detail);
}

/**
 * Connect; rejects with NoTicket, or TypeError when the server cannot be reached.
 * @param {HTMLElement} place
 * @param {string} ticketUrl
 * @param {string} name of the guest
 * @param {Hooks} hooks
 */
export async function openScreen(place, ticketUrl, name, hooks) {
  const { url, protocols } = await ticket(ticketUrl);
  const socket = new WebSocket(socketUrl(url), protocols);
  socket.binaryType = "arraybuffer";
  place.replaceChildren();
  const rfb = new RFB(place, socket, { shared: true });
  rfb.background = "transparent";
  rfb.scaleViewport = true;
  let code = 1006;
  socket.addEventListener("close", (event) => (code = event.code));
  const canvas = place.querySelector("canvas");
  if (canvas) label(canvas, name);
  rfb.addEventListener("connect", () => hooks.connected(canvas));
  // noVNC says "disconnect" from its own close listener, which may come before ours.
  rfb.addEventListener("disconnect", () => setTimeout(() => hooks.ended(code), 0));
  return rfb;
}

/** @param {HTMLCanvasElement} canvas @param {string} name */
function label(canvas, name) {
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", text("screenLabel", { name }));
}
