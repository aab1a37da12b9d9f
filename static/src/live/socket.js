/** The status websocket: one per page, connects again by itself, and tells listeners what comes. */
import { ask, byId, goToLogin, socketUrl } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { toast } from "../ui/toast.js";
import { completed, dropLatest, forgetLatest } from "./latest.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** How long a short break stays unmentioned. */
const PATIENCE_MS = 1500;
const PING_MS = 25_000;
const SILENCE_MS = 60_000;

/** @typedef {{t: string, [key: string]: any}} Message */
/** @typedef {(message: Message) => void} Listener */

/** @type {Map<string, Listener[]>} */
const listeners = new Map();
/** @type {Set<string>} */
let watched = new Set();
/** @type {WebSocket | null} */
let socket = null;
let waitMs = FIRST_WAIT_MS;
let wasConnected = false;
let isOver = false;
let heardAt = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let mention;

/**
 * Hear messages of a kind; "connected" comes after every (re)connection.
 * @param {string} kind
 * @param {Listener} listener
 */
export function on(kind, listener) {
  listeners.set(kind, [...(listeners.get(kind) ?? []), listener]);
}

/** @param {Message} message */
function tell(message) {
  for (const listener of listeners.get(message.t) ?? []) listener(message);
}

/** @param {Message} message */
function send(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/**
 * Say whose history the page wants; numbers of all visible guests come anyway.
 * @param {Iterable<string>} ids
 */
export function watch(ids) {
  watched = new Set(ids);
  send({ t: "watch", ids: [...watched] });
}

/** @param {boolean} isShown */
function showBanner(isShown) {
  const banner = byId("connection");
  if (!banner) return;
  banner.hidden = !isShown;
  const words = banner.querySelector("div");
  if (words) words.textContent = isShown ? text("disconnected") : "";
}

function opened() {
  forgetLatest();
  clearTimeout(mention);
  const isAgain = wasConnected;
  waitMs = FIRST_WAIT_MS;
  refusals = 0;
  wasConnected = true;
  heardAt = Date.now();
  if (isAgain && !byId("connection")?.hidden) toast(text("reconnected"));
  showBanner(false);
  showed();
  tell({ t: "connected", isAgain });
}

/** Say whether somebody looks: a hidden page gets no numbers, and what it missed once it is shown. */
function showed() {
  send({ t: "visible", on: !document.hidden });
  if (!document.hidden) watch(watched);
}

/** @param {MessageEvent<string>} event */
function heard(event) {
  heardAt = Date.now();
  const content = JSON.parse(event.data);
  for (const message of Array.isArray(content) ? content : [content]) understand(message);
}

/** @param {Message} message */
function understand(message) {
  if (message.t === "numbers") message.vms = completed(message);
  if (message.t === "gone") dropLatest(message.id);
  // Something did not arrive: as after a break.
  if (message.t === "resync") return tell({ t: "connected", isAgain: true });
  if (message.t !== "bye") return tell(message);
  isOver = true;
  toast(text(message.why === "deactivated" ? "deactivated" : "loggedOut"), "error");
  setTimeout(goToLogin, 1500);
}

/** A refused handshake says nothing of its reason; an ended session shows when one asks for a page. */
let refusals = 0;

function closed() {
  socket = null;
  if (isOver) return;
  refusals += 1;
  if (refusals === 2) ask(document.body.dataset.jobsUrl ?? "").catch(() => undefined);
  tell({ t: "disconnected" });
  clearTimeout(mention);
  mention = setTimeout(() => showBanner(true), PATIENCE_MS);
  setTimeout(connect, waitMs * (0.75 + Math.random() / 2));
  waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
}

function connect() {
  const path = document.body.dataset.statusUrl;
  if (!path || socket || isOver) return;
  socket = new WebSocket(socketUrl(path));
  socket.addEventListener("open", opened);
  socket.addEventListener("message", heard);
  socket.addEventListener("close", closed);
}

/** A connection that died silently is noticed by its silence. */
function lookAlive() {
  send({ t: "ping" });
  if (socket?.readyState === WebSocket.OPEN && Date.now() - heardAt > SILENCE_MS) socket.close();
}

/** Connect, and stay connected. */
export function startSocket() {
  connect();
  setInterval(lookAlive, PING_MS);
  document.addEventListener("visibilitychange", showed);
  addEventListener("pageshow", (event) => event.persisted && !socket && connect());
  addEventListener("pagehide", () => {
    isOver = true;
    socket?.close();
    isOver = false;
  });
}
