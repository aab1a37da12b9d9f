/** Short notes in the corner; they stay longer the more there is to read, and errors stay until closed. */
import { byId, make } from "../lib/dom.js";
import { text } from "../lib/texts.js";

const MOST = 4;

/**
 * @param {string} sentence
 * @param {string} [level] success, warning or error
 */
export function toast(sentence, level = "success") {
  const list = byId("toasts");
  if (!list || !sentence) return;
  const close = make("button", { type: "button", class: "btn-close", "aria-label": text("close") });
  const note = make("li", { class: `toast-note is-${level}` }, make("p", {}, sentence), close);
  close.addEventListener("click", () => remove(note));
  list.append(note);
  while (list.childElementCount > MOST) list.firstElementChild?.remove();
  // In the top layer, above an open dialog: showing it again puts it on top.
  if (list.matches(":popover-open")) list.hidePopover();
  list.showPopover();
  if (level !== "error") setTimeout(() => remove(note), 4000 + sentence.length * 45);
}

/** @param {Element} note */
function remove(note) {
  const list = note.parentElement;
  note.remove();
  if (list && !list.childElementCount && list.matches(":popover-open")) list.hidePopover();
}

/**
 * Tell a screen reader without showing anything.
 * @param {string} sentence
 */
export function announce(sentence) {
  const place = byId("announcer");
  if (place) place.textContent = sentence;
}
