/** Sliders beside number fields: one follows the other; the number alone is what is sent. */

import { chooser } from "./ui/chooser.js";
import { keepChanges } from "./ui/keep.js";
import { number } from "./ui/numbered.js";

/**
 * A slider for a field whose range is wide moves in steps that a hand can meet.
 * @param {number} smallest
 * @param {number} largest
 */
function step(smallest, largest) {
  const range = largest - smallest;
  return range > 2048 ? 128 : range > 256 ? 16 : 1;
}

/** @param {HTMLInputElement} slider */
function tie(slider) {
  const typed = document.getElementById(slider.dataset.slider ?? "");
  if (!(typed instanceof HTMLInputElement)) return;
  const [smallest, largest] = [Math.ceil(Number(typed.min)), Math.floor(Number(typed.max))];
  if (!(largest > smallest)) return;
  const by = step(smallest, largest);
  slider.min = String(by > 1 ? Math.ceil(smallest / by) * by : smallest);
  slider.max = String(largest);
  slider.step = String(by);
  slider.value = typed.value;
  slider.hidden = false;
  slider.addEventListener("input", () => (typed.value = slider.value));
  typed.addEventListener("input", () => (slider.value = typed.value));
}

/** Bring the fields within a part of the page to life. @param {ParentNode} part */
function enliven(part) {
  for (const slider of part.querySelectorAll("input[data-slider]")) {
    if (slider instanceof HTMLInputElement) tie(slider);
  }
  for (const area of part.querySelectorAll("textarea[data-numbered]")) {
    if (area instanceof HTMLTextAreaElement) number(area);
  }
  for (const frame of part.querySelectorAll("[data-chooser]")) {
    if (frame instanceof HTMLElement) chooser(frame);
  }
}

enliven(document);
keepChanges();
document.addEventListener("htmx:load", (event) => {
  // htmx tells of the page itself, too, which is alive already.
  if (event.target instanceof HTMLFormElement) enliven(event.target);
});
