/** The crosshair by keys: arrows, Page Up and Down, Home, End; Escape takes it away. What it shows is read out. */

const FAR = 10;

/** @param {string} key @param {number} index @param {number} last @returns {number | null | undefined} */
function target(key, index, last) {
  switch (key) {
    case "ArrowLeft": return index - 1;
    case "ArrowRight": return index + 1;
    case "PageUp": return index - FAR;
    case "PageDown": return index + FAR;
    case "Home": return 0;
    case "End": return last;
    case "Escape": return null;
    default: return undefined;
  }
}

/** @param {HTMLElement} place */
function spoken(place) {
  const time = place.querySelector(".chart-at")?.textContent ?? "";
  const charts = [...place.querySelectorAll("[data-chart] > header")].map((header) => {
    const lines = [...header.querySelectorAll(".legend")].map((line) => line.textContent?.trim());
    return `${header.querySelector("h2")?.textContent}: ${lines.join(", ")}`;
  });
  return [time, ...charts].join("; ");
}

/**
 * @param {HTMLElement} place
 * @param {() => number} count how many points there are
 * @param {(index: number | null) => void} point puts the crosshair on a point, or away
 */
export function crosshairKeys(place, count, point) {
  const grid = place.querySelector(".chart-grid");
  const voice = place.querySelector("[data-spoken]");
  if (!(grid instanceof HTMLElement) || !voice) return;
  /** @type {number | null} */
  let index = null;

  /** @param {number | null} next */
  function move(next) {
    index = next === null ? null : Math.max(0, Math.min(count() - 1, next));
    point(index);
    voice?.replaceChildren(index === null ? "" : spoken(place));
  }

  grid.addEventListener("keydown", (event) => {
    const last = count() - 1;
    const next = target(event.key, index ?? last + (event.key === "ArrowLeft" ? 1 : 0), last);
    if (next === undefined || last < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    move(next);
  });
  grid.addEventListener("blur", () => move(null));
}
