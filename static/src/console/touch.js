/** The device's own on-screen keyboard: what is typed on it goes to the guest as keys. noVNC knows the gestures. */
import { byId } from "../lib/dom.js";
import { likelyLayout } from "./paste.js";
import { LAYOUTS } from "./layouts/index.js";
import { strokesOf, tableOf } from "./strokes.js";
import { PACES, type } from "./typist.js";

/** @typedef {import("@novnc/novnc").default} Rfb */

/** Keys that a touch keyboard sends by what they do and not by a character. @type {Record<string, [number, string]>} */
const DEEDS = {
  deleteContentBackward: [0xff08, "Backspace"],
  deleteContentForward: [0xffff, "Delete"],
  insertLineBreak: [0xff0d, "Enter"],
  insertParagraph: [0xff0d, "Enter"],
};
/** The field is never empty, so that there is always something to delete. */
const FILL = "\u00a0\u00a0";

/** @param {() => Rfb | null} screen the screen that takes keys now */
export function startTouch(screen) {
  const field = byId("touch-keyboard");
  const button = byId("touch");
  if (!(field instanceof HTMLTextAreaElement) || !button) return;
  /** @type {Promise<void>} */
  let last = Promise.resolve();

  const fill = () => {
    field.value = FILL;
    field.setSelectionRange(1, 1);
  };

  /** Everything comes in the order in which it was typed, however fast. @param {() => unknown} act */
  function queue(act) {
    last = last.then(act).then(() => undefined, () => undefined);
  }

  /** @param {string} text */
  function send(text) {
    const layout = LAYOUTS[likelyLayout()];
    const rfb = screen();
    if (!rfb || !layout) return;
    const strokes = strokesOf(tableOf(layout), text);
    const options = { pauseMs: PACES.fast ?? 6, signal: new AbortController().signal, progress: () => undefined };
    queue(() => type(rfb, strokes, options));
  }

  field.addEventListener("beforeinput", (event) => {
    const deed = DEEDS[event.inputType];
    if (deed) queue(() => screen()?.sendKey(...deed));
    else if (event.data && !event.isComposing) send(event.data);
    if (!event.isComposing) event.preventDefault();
  });
  field.addEventListener("compositionend", (event) => {
    send(event.data);
    fill();
  });
  field.addEventListener("focus", fill);
  field.addEventListener("focus", () => button.setAttribute("aria-pressed", "true"));
  field.addEventListener("blur", () => button.setAttribute("aria-pressed", "false"));
  // Before the button takes the focus away, which would make a second tap open it again.
  button.addEventListener("pointerdown", (event) => event.preventDefault());
  button.addEventListener("click", () => (document.activeElement === field ? field.blur() : field.focus()));
}
