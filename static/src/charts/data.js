/** History as the server has it, and the minutes that it does not have yet, from live numbers. */
import { ask } from "../lib/dom.js";

/** @typedef {(number | null)[]} Column */
/** @typedef {{span: string, step_s: number, at_s: number[], columns: Record<string, Column>}} Series */

/** In the order of the numbers in live messages. */
const COLUMNS = ["cpu_percent", "memory_used_mib", "memory_total_mib", "disk_read_bps", "disk_write_bps", "net_rx_bps", "net_tx_bps"];
export const STEP_S = 60;
/** Minutes that the server may not have written yet. */
const KEPT = 3;

/**
 * @param {string} url
 * @param {string} span
 * @returns {Promise<Series | null>}
 */
export async function load(url, span) {
  const answer = await ask(`${url}?span=${encodeURIComponent(span)}`);
  return answer.ok ? answer.json() : null;
}

/** Gather live numbers into averages of minutes. */
export function liveMinutes() {
  /** @type {Map<number, {sum: number, count: number}[]>} */
  const minutes = new Map();

  /**
   * Take what was measured at a moment, in the order of COLUMNS.
   * @param {number} atMs
   * @param {(number | null)[]} numbers
   */
  function add(atMs, numbers) {
    const at = Math.floor(atMs / 1000 / STEP_S) * STEP_S;
    const sums = minutes.get(at) ?? COLUMNS.map(() => ({ sum: 0, count: 0 }));
    minutes.set(at, sums);
    sums.forEach((each, index) => {
      const value = numbers[index];
      if (value == null) return;
      each.sum += value;
      each.count += 1;
    });
    for (const old of [...minutes.keys()].slice(0, -KEPT)) minutes.delete(old);
  }

  /**
   * Move a series of minutes on to the present; what the server knows is better than what we heard.
   * @param {Series} series
   * @returns {Series}
   */
  function continued(series) {
    const last = series.at_s[series.at_s.length - 1] ?? 0;
    const newest = Math.max(last, ...minutes.keys());
    const passed = (newest - last) / STEP_S;
    const at_s = series.at_s.map((_at, index) => newest - (series.at_s.length - 1 - index) * STEP_S);
    const columns = COLUMNS.map((name, index) => {
      const known = series.columns[name] ?? [];
      return [name, at_s.map((at, place) => known[place + passed] ?? mean(minutes.get(at)?.[index]))];
    });
    return { ...series, at_s, columns: Object.fromEntries(columns) };
  }

  return { add, continued };
}

/** @param {{sum: number, count: number} | undefined} gathered */
function mean(gathered) {
  return gathered?.count ? gathered.sum / gathered.count : null;
}
