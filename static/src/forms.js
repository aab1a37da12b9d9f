/** Sliders beside number fields: one follows the other; the number alone is what is sent. */

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
  const number = document.getElementById(slider.dataset.slider ?? "");
  if (!(number instanceof HTMLInputElement)) continue;
  const [smallest, largest] = [Math.ceil(Number(number.min)), Math.floor(Number(number.max))];
  if (!(largest > smallest)) continue;
  const by = step(smallest, largest);
  slider.min = String(by > 1 ? Math.ceil(smallest / by) * by : smallest);
  slider.max = String(largest);
  slider.step = String(by);
  slider.value = number.value;
  slider.hidden = false;
  slider.addEventListener("input", () => (number.value = slider.value));
  number.addEventListener("input", () => (slider.value = number.value));
}
