/** One connection to a serial port: xterm.js on a websocket. It reports and decides nothing. */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { text } from "../lib/texts.js";
import { styleByScript } from "./strictstyles.js";

/** @typedef {import("./opener.js").Opener} Opener */

const PIECE = 4096;
export const THEME = { background: "#0c0e0b", foreground: "#dfe5da", cursor: "#92cf3b", selectionBackground: "#3f5a22" };
const encoder = new TextEncoder();

/** @param {HTMLElement} place @param {string} name */
function makeTerminal(place, name) {
  const options = { scrollback: 10_000, fontSize: 14, theme: THEME, disableStdin: true, cursorBlink: true };
  styleByScript();
  const terminal = new Terminal(options);
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(place);
  terminal.textarea?.setAttribute("aria-label", text("serialLabel", { name }));
  terminal.attachCustomKeyEventHandler((event) => !copies(event, terminal));
  const sizes = new ResizeObserver(() => place.offsetParent && fit.fit());
  sizes.observe(place);
  return { terminal, stop: () => sizes.disconnect() };
}

/** Ctrl+Shift+C copies what is selected. @param {KeyboardEvent} event @param {Terminal} terminal */
function copies(event, terminal) {
  if (!(event.ctrlKey && event.shiftKey && event.code === "KeyC")) return false;
  event.preventDefault();
  const chosen = terminal.getSelection();
  if (event.type === "keydown" && chosen) navigator.clipboard?.writeText(chosen).catch(() => undefined);
  return true;
}

/** @param {WebSocket} socket @param {string} typed */
function send(socket, typed) {
  const bytes = encoder.encode(typed);
  for (let at = 0; at < bytes.length; at += PIECE) socket.send(bytes.subarray(at, at + PIECE));
}

/** @type {Opener} */
export function openTerminal(place, socket, { name }, hooks) {
  const { terminal, stop } = makeTerminal(place, name);
  socket.addEventListener("open", () => {
    hooks.connected();
    hooks.says(text("connected"));
  });
  socket.addEventListener("message", (event) => terminal.write(new Uint8Array(event.data)));
  socket.addEventListener("close", ({ code, reason }) => hooks.ended(code, reason));
  terminal.onData((typed) => socket.readyState === WebSocket.OPEN && send(socket, typed));
  terminal.onBinary((typed) => socket.readyState === WebSocket.OPEN && socket.send(Uint8Array.from(typed, (char) => char.charCodeAt(0))));
  const close = () => {
    stop();
    socket.close();
    terminal.dispose();
    place.replaceChildren();
  };
  /** @param {boolean} has */
  const setControl = (has) => (terminal.options.disableStdin = !has);
  return { rfb: null, terminal, setControl, focus: () => terminal.focus(), blur: () => terminal.blur(), close };
}
