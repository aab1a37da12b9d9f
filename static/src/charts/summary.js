/** The same numbers as a table: lowest, average and highest of each line. */
import { words } from "./units.js";

/** @typedef {import("./data.js").Series} Series */

/** @param {Series} series */
export function isKnown(series) {
  return Object.values(series.columns).some((column) => column.some((value) => value != null));
}

/** @param {(number | null)[]} column @returns {(number | null)[]} */
function summary(column) {
  const known = column.filter((value) => value != null);
  if (known.length === 0) return [null, null, null];
  const total = known.reduce((sum, value) => sum + value, 0);
  return [Math.min(...known), total / known.length, Math.max(...known)];
}

/** @param {HTMLElement} place @param {Series} series */
export function showSummary(place, series) {
  for (const row of place.querySelectorAll("[data-summary]")) {
    if (!(row instanceof HTMLElement)) continue;
    const values = summary(series.columns[row.dataset.summary ?? ""] ?? []);
    row.querySelectorAll("td").forEach((cell, index) => {
      const word = words(row.dataset.unit, values[index]);
      if (cell.textContent !== word) cell.textContent = word;
    });
  }
}
