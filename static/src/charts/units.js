/** What each unit of a chart looks like: its words, its grid and how high its axis goes. */
import { mib, rateText } from "../lib/format.js";

const MOST_POWERS = 50;
const POWERS = Array.from({ length: MOST_POWERS }, (_one, power) => 2 ** power);
/** Below this a rate is drawn small, so that silence does not look like a storm. */
const LEAST_TOP_BPS = 16 * 1024;
const AIR = 1.08;

/** @typedef {{word: (value: number) => string, increments: number[], top: (highest: number) => number}} Unit */

/** @type {Record<string, Unit>} */
const UNITS = {
  percent: {
    word: (value) => `${value.toFixed(value < 10 ? 1 : 0)} %`,
    increments: [10, 20, 25, 50, 100],
    top: () => 100,
  },
  mib: { word: mib, increments: POWERS, top: (highest) => Math.max(16, highest) * AIR },
  rate: { word: rateText, increments: POWERS, top: (highest) => Math.max(LEAST_TOP_BPS, highest * AIR) },
};

/** @param {string | undefined} name @returns {Unit} */
export function unitOf(name) {
  return UNITS[name ?? ""] ?? /** @type {Unit} */ (UNITS.percent);
}

/** @param {string | undefined} unit @param {number | null | undefined} value */
export function words(unit, value) {
  return value == null ? "–" : unitOf(unit).word(value);
}
