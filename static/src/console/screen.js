/** One connection to a guest's screen: noVNC on a websocket. It reports and decides nothing. */
import RFB from "@novnc/novnc";
import { text } from "../lib/texts.js";

/** @typedef {import("./opener.js").Opener} Opener */

/** How the screen is shown; kept from one connection to the next. */
export const look = { scale: "fit", compression: 2 };

/** @param {RFB} rfb */
export function applyLook(rfb) {
  rfb.scaleViewport = look.scale === "fit";
  rfb.resizeSession = look.scale === "guest" && !rfb.viewOnly;
  rfb.compressionLevel = look.compression;
}

/** @type {Opener} */
export function openScreen(place, socket, { name }, hooks) {
  place.replaceChildren();
  const rfb = new RFB(place, socket, { shared: true });
  rfb.background = "transparent";
  rfb.viewOnly = true; // until the server says who has control
  applyLook(rfb);
  let code = 1006;
  let reason = "";
  socket.addEventListener("close", (event) => ({ code, reason } = event));
  const canvas = place.querySelector("canvas");
  if (canvas) label(canvas, name);
  const sizes = new MutationObserver(() => hooks.says(sizeOf(canvas)));
  rfb.addEventListener("connect", () => {
    if (canvas) sizes.observe(canvas, { attributeFilter: ["width", "height"] });
    hooks.connected();
    hooks.says(sizeOf(canvas));
  });
  // noVNC says "disconnect" from its own close listener, which may come before ours.
  rfb.addEventListener("disconnect", () => {
    sizes.disconnect();
    setTimeout(() => hooks.ended(code, reason), 0);
  });
  /** @param {boolean} has */
  const setControl = (has) => {
    if (rfb.viewOnly !== has) return;
    rfb.viewOnly = !has;
    applyLook(rfb);
  };
  return { rfb, terminal: null, setControl, focus: () => rfb.focus(), blur: () => rfb.blur(), close: () => rfb.disconnect() };
}

/** @param {HTMLCanvasElement | null} canvas */
function sizeOf(canvas) {
  return canvas ? text("connectedSize", { width: canvas.width, height: canvas.height }) : text("connected");
}

/** @param {HTMLCanvasElement} canvas @param {string} name */
function label(canvas, name) {
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", text("screenLabel", { name }));
}
