/** Which guests are chosen for a bulk action: boxes, ranges with Shift, all that match. */
import { byId } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { allRows, rowOf } from "../live/rows.js";
import { ids, isShown } from "./order.js";

/** @type {Set<string>} */
const chosen = new Set();
/** Where a range begins. */
let anchor = "";

/** @returns {string[]} in the order of the list */
export function chosenIds() {
  return ids().filter((id) => chosen.has(id));
}

/** @param {string} id @returns {string} */
export function nameOf(id) {
  return rowOf(id)?.dataset.name ?? "";
}

/** @param {Element | undefined} row @returns {HTMLInputElement | null} */
function boxOf(row) {
  const box = row?.querySelector(".g-pick input");
  return box instanceof HTMLInputElement ? box : null;
}

/** Let a row that was just fetched show whether it is chosen. @param {HTMLElement} row */
export function paintChosen(row) {
  const isChosen = chosen.has(row.dataset.id ?? "");
  const box = boxOf(row);
  if (box && box.checked !== isChosen) box.checked = isChosen;
  row.classList.toggle("is-chosen", isChosen);
}

/** Show the bar with what is chosen; what the filter has put away is chosen no longer. */
export function settleChosen() {
  for (const id of chosen) if (!isShown(id)) chosen.delete(id);
  const [bar, count, all] = [byId("bulk"), byId("bulk-count"), byId("choose-all")];
  if (bar) bar.hidden = chosen.size === 0;
  const words = chosen.size ? text("chosen", { count: chosen.size }) : "";
  if (count && count.textContent !== words) count.textContent = words;
  if (!(all instanceof HTMLInputElement)) return;
  all.checked = chosen.size > 0 && chosen.size === ids().length;
  all.indeterminate = chosen.size > 0 && !all.checked;
}

/** Choose exactly these. @param {Iterable<string>} wanted */
export function choose(wanted) {
  chosen.clear();
  for (const id of wanted) chosen.add(id);
  for (const row of allRows()) paintChosen(row);
  settleChosen();
}

/** @param {string} id @param {boolean} isChosen @param {boolean} isRange */
function pick(id, isChosen, isRange) {
  const all = ids();
  const [a, b] = [all.indexOf(anchor), all.indexOf(id)];
  const range = isRange && a >= 0 ? all.slice(Math.min(a, b), Math.max(a, b) + 1) : [id];
  for (const each of range) {
    if (isChosen) chosen.add(each);
    else chosen.delete(each);
    const row = rowOf(each);
    if (row) paintChosen(row);
  }
  anchor = id;
  settleChosen();
}

/** Bring the boxes to life. */
export function startChosen() {
  byId("guest-rows")?.addEventListener("click", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || !box.closest(".g-pick")) return;
    pick(box.value, box.checked, event.shiftKey);
  });
  byId("choose-all")?.addEventListener("change", (event) => {
    const all = event.target;
    choose(all instanceof HTMLInputElement && all.checked ? ids() : []);
  });
  byId("bulk-clear")?.addEventListener("click", () => {
    choose([]);
    byId("filter")?.focus();
  });
  choose(allRows().filter((row) => boxOf(row)?.checked).map((row) => row.dataset.id ?? ""));
}
