/** Tickets: each opens one console once. */
import { ask, socketUrl } from "../lib/dom.js";

/** The server gave no ticket. */
export class NoTicket extends Error {
  /** @param {number} status @param {string} code @param {string} detail */
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** @typedef {{kind: "vnc" | "serial", mode: "control" | "view", device: string, claims: "1" | "0"}} Wanted */

/**
 * Get a ticket and open a websocket with it. Rejects with NoTicket, or TypeError when the server
 * cannot be reached.
 * @param {string} ticketUrl
 * @param {Wanted} wanted
 */
export async function openSocket(ticketUrl, wanted) {
  const { url, protocols, server } = await ticket(ticketUrl, wanted);
  const socket = new WebSocket(socketUrl(url), protocols);
  socket.binaryType = "arraybuffer";
  return { socket, server };
}

/**
 * @param {string} url
 * @param {Wanted} wanted
 * @returns {Promise<{url: string, protocols: string[], server: string}>}
 */
async function ticket(url, wanted) {
  const answer = await ask(url, { method: "POST", body: new URLSearchParams(wanted) });
  if (answer.ok) return answer.json();
  const isJson = answer.headers.get("Content-Type")?.includes("json");
  const { code = "", detail = "" } = isJson ? await answer.json() : {};
  throw new NoTicket(answer.status, code, detail);
}
