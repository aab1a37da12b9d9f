/** The filter of the guests page: in name, owner, state and address; remembered in the address bar. */
import { byId } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { allRows } from "../live/rows.js";

/** @returns {HTMLInputElement} */
function box() {
  return /** @type {HTMLInputElement} */ (byId("filter"));
}

/** Hide what does not match every word, and say how many are left. */
export function applyFilter() {
  const words = box().value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = allRows();
  let shown = 0;
  for (const row of rows) {
    const isMatch = words.every((word) => row.dataset.find?.includes(word));
    if (row.hidden === isMatch) row.hidden = !isMatch;
    if (isMatch) shown += 1;
  }
  const count = byId("filter-count");
  if (count) count.textContent = words.length ? text("shown", { shown, total: rows.length }) : "";
  const nothing = byId("no-match");
  if (nothing) nothing.hidden = shown > 0 || rows.length === 0;
}

function remember() {
  const url = new URL(location.href);
  if (box().value) url.searchParams.set("q", box().value);
  else url.searchParams.delete("q");
  history.replaceState(history.state, "", url);
}

/** Filter while somebody types, here or in the search of the frame. */
export function startFilter() {
  const search = byId("search");
  box().addEventListener("input", () => {
    if (search instanceof HTMLInputElement) search.value = box().value;
    applyFilter();
    remember();
  });
  if (!(search instanceof HTMLInputElement)) return;
  search.addEventListener("input", () => {
    box().value = search.value;
    applyFilter();
    remember();
  });
  search.form?.addEventListener("submit", (event) => event.preventDefault());
  applyFilter();
}
