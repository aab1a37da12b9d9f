/** Sliders beside number fields: one follows the other; the number alone is what is sent. */

import { chooser } from "./ui/chooser.js";
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

for (const slider of document.querySelectorAll("input[data-slider]")) {
  if (!(slider instanceof HTMLInputElement)) continue;
  const typed = document.getElementById(slider.dataset.slider ?? "");
  if (!(typed instanceof HTMLInputElement)) continue;
  const [smallest, largest] = [Math.ceil(Number(typed.min)), Math.floor(Number(typed.max))];
  if (!(largest > smallest)) continue;
  const by = step(smallest, largest);
  slider.min = String(by > 1 ? Math.ceil(smallest / by) * by : smallest);
  slider.max = String(largest);
  slider.step = String(by);
  slider.value = typed.value;
  slider.hidden = false;
  slider.addEventListener("input", () => (typed.value = slider.value));
  typed.addEventListener("input", () => (slider.value = typed.value));
}

for (const area of document.querySelectorAll("textarea[data-numbered]")) {
  if (area instanceof HTMLTextAreaElement) number(area);
}
for (const frame of document.querySelectorAll("[data-chooser]")) {
  if (frame instanceof HTMLElement) chooser(frame);
}
