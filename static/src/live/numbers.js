/** The last minutes of every guest's numbers, and painting them: batched, and only what is near the screen. */
import { mib, rate, rateText, softFraction } from "../lib/format.js";
import { text } from "../lib/texts.js";

/** cpu, used MiB, total MiB, read, written, received, sent. @typedef {(number | null)[]} Sample */

export const TICKS = 60;
/** @type {Map<string, Sample[]>} */
const histories = new Map();

/** @param {string} id @param {Sample} sample */
export function remember(id, sample) {
  const history = histories.get(id) ?? [];
  history.push(sample);
  if (history.length > TICKS) history.shift();
  histories.set(id, history);
}

/** @param {string} id @param {Sample[]} samples */
export function rememberAll(id, samples) {
  histories.set(id, []);
  for (const sample of samples) remember(id, sample);
}

/** @param {string} id */
export function forget(id) {
  histories.delete(id);
}

/** @param {number | null | undefined} a @param {number | null | undefined} b */
function sum(a, b) {
  return a == null && b == null ? null : (a ?? 0) + (b ?? 0);
}

/** @type {Record<string, (s: Sample) => number | null>} */
const VALUE = {
  cpu: (s) => s[0] ?? null,
  mem: (s) => (s[1] != null && s[2] ? (100 * s[1]) / s[2] : null),
  disk: (s) => sum(s[3], s[4]),
  net: (s) => sum(s[5], s[6]),
};

/** The last known value of a gauge; null while unknown. @param {string} id @param {string} name */
export function latest(id, name) {
  const sample = histories.get(id)?.at(-1);
  return (sample && VALUE[name]?.(sample)) ?? null;
}

/** @param {string} name @param {number} value @returns {[string, string, number]} number, unit, fraction */
function word(name, value) {
  if (name === "cpu" || name === "mem") return [value.toFixed(0), "%", Math.min(1, value / 100)];
  return [...rate(value), softFraction(value)];
}

/** @param {string} name @param {Sample} s */
function detail(name, s) {
  if (name === "mem" && s[1] != null && s[2]) return text("memoryOf", { used: mib(s[1]), total: mib(s[2]) });
  if (name === "disk") return `${text("read")} ${rateText(s[3] ?? 0)}, ${text("written")} ${rateText(s[4] ?? 0)}`;
  if (name === "net") return `${text("received")} ${rateText(s[5] ?? 0)}, ${text("sent")} ${rateText(s[6] ?? 0)}`;
  return "";
}

/**
 * The line of a sparkline in a box of 59 x 20; percentages fill it at 100, rates at their own peak.
 * @param {(number | null)[]} values
 * @param {number} top
 */
function line(values, top) {
  const start = TICKS - values.length;
  const points = values.map((v, i) => `${start + i},${(19.3 - (18 * Math.min(v ?? 0, top)) / top).toFixed(1)}`);
  return { line: `M${points.join("L")}`, area: `M${start},20L${points.join("L")}L59,20Z` };
}

/** @param {Element} gauge @param {string} name @param {Sample[]} history */
function drawSpark(gauge, name, history) {
  const spark = gauge.querySelector(".spark");
  const value = VALUE[name];
  if (!spark || !value || history.length < 2) return;
  const values = history.map(value);
  const isPercent = name === "cpu" || name === "mem";
  const paths = line(values, isPercent ? 100 : Math.max(64 * 1024, ...values.map((v) => v ?? 0)));
  spark.querySelector(".line")?.setAttribute("d", paths.line);
  spark.querySelector(".area")?.setAttribute("d", paths.area);
}

/**
 * Paint one gauge; an unknown number is a dash.
 * @param {HTMLElement} gauge
 * @param {Sample[]} history
 */
export function paintGauge(gauge, history) {
  const name = gauge.dataset.gauge ?? "";
  const sample = history[history.length - 1];
  const number = gauge.querySelector(".gauge-number");
  if (!sample || !number) return;
  const value = VALUE[name]?.(sample) ?? null;
  const [words, unit, fraction] = value == null ? ["–", "", 0] : word(name, value);
  if (number.textContent !== words) number.textContent = words;
  const unitPlace = gauge.querySelector(".gauge-unit");
  if (unitPlace && unitPlace.textContent !== unit) unitPlace.textContent = unit;
  setBar(gauge, fraction);
  const more = detail(name, sample);
  const place = gauge.querySelector(".gauge-detail");
  if (place) place.textContent = more;
  gauge.title = name === "disk" || name === "net" ? `${more}. ${text("scale")}` : more;
  drawSpark(gauge, name, history);
}

/** @param {HTMLElement} gauge @param {number} fraction */
export function setBar(gauge, fraction) {
  const bar = gauge.querySelector(".gauge-bar i");
  if (bar instanceof HTMLElement) bar.style.setProperty("--v", fraction.toFixed(3));
}

/**
 * Paint all gauges inside an element that belongs to a guest.
 * @param {HTMLElement} row
 */
export function paint(row) {
  const history = histories.get(row.dataset.id ?? "");
  if (row.dataset.active === undefined) return;
  for (const gauge of row.querySelectorAll("[data-gauge]")) {
    if (!(gauge instanceof HTMLElement)) continue;
    if (history?.length) paintGauge(gauge, history);
    else setBar(gauge, Number(gauge.dataset.v ?? 0));
  }
}
