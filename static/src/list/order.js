/** Which guests are shown and in which order; by a number they move by themselves, never under the pointer. */
import { byId } from "../lib/dom.js";
import { latest } from "../live/numbers.js";
import { rowOf, showRows } from "../live/rows.js";

/** So seldom do rows move because numbers did. */
const EVERY_MS = 4000;
/** What a column is called in the numbers. @type {Record<string, string>} */
const GAUGES = { cpu: "cpu", memory: "mem", disk: "disk", network: "net" };

/** Id and revision, in order. @type {Map<string, number>} */
let revisions = new Map();
let sort = "";
let sortedAt = 0;

/** @returns {string[]} */
export function ids() {
  return [...revisions.keys()];
}

/** @param {string} id */
export function isShown(id) {
  return revisions.has(id);
}

/** Say whether a row is not what the server has by now. @param {HTMLElement} row */
export function isStale(row) {
  const wanted = revisions.get(row.dataset.id ?? "");
  return row.dataset.wait !== undefined || (wanted !== undefined && Number(row.dataset.rev) < wanted);
}

/** Note that a guest has changed; says whether its row is older. @param {string} id @param {number} revision */
export function changed(id, revision) {
  const row = rowOf(id);
  revisions.set(id, Math.max(revision, revisions.get(id) ?? 0));
  return Boolean(row && isStale(row));
}

/** Note that a row must be fetched again whatever its revision. @param {string} id */
export function spoil(id) {
  const row = rowOf(id);
  if (row) row.dataset.rev = "-1";
}

/** @param {string} id */
export function drop(id) {
  revisions.delete(id);
}

/**
 * Show what the server says matches. Unless somebody asked for it, rows under the pointer stay where they are.
 * @param {Record<string, number>} guests id and revision, in order
 * @param {string} wanted the order, as the server writes it
 * @param {boolean} isAsked
 */
export function show(guests, wanted, isAsked) {
  const all = isAsked || !isInUse() ? Object.keys(guests) : settled(ids(), Object.keys(guests));
  revisions = new Map(all.map((id) => [id, guests[id] ?? 0]));
  sort = wanted;
  sortedAt = Date.now();
  showRows(ids());
}

/**
 * Keep the order of what is there already, and put what is new behind the one it follows.
 * @param {string[]} before
 * @param {string[]} after
 */
function settled(before, after) {
  const wanted = new Set(after);
  const kept = before.filter((id) => wanted.has(id));
  const has = new Set(kept);
  after.forEach((id, i) => {
    if (has.has(id)) return;
    kept.splice(kept.indexOf(after[i - 1] ?? "") + 1, 0, id);
    has.add(id);
  });
  return kept;
}

/** @param {string} selector */
function is(selector) {
  return document.querySelector(selector) !== null;
}

/** Say whether somebody is busy with the list, so that rows had better stay. */
function isInUse() {
  const body = byId("guest-rows");
  return Boolean(body?.contains(document.activeElement)) || is("#guest-rows:hover, .menu:popover-open, dialog[open]");
}

/** Put the rows in order again after a tick of numbers, where they are ordered by one. */
export function follow() {
  const gauge = GAUGES[sort.replace("-", "")];
  if (!gauge || document.hidden || Date.now() - sortedAt < EVERY_MS || isInUse()) return;
  sortedAt = Date.now();
  const before = ids();
  const after = sorted(before, gauge, sort.startsWith("-") ? -1 : 1);
  if (after.every((id, i) => id === before[i])) return;
  revisions = new Map(after.map((id) => [id, revisions.get(id) ?? 0]));
  showRows(after);
}

/**
 * Those whose number is not known stand last; equal ones stay as they are.
 * @param {string[]} all
 * @param {string} gauge
 * @param {1 | -1} sign
 */
function sorted(all, gauge, sign) {
  const values = new Map(all.map((id) => [id, latest(id, gauge)]));
  return [...all].sort((a, b) => {
    const [x, y] = [values.get(a) ?? null, values.get(b) ?? null];
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    return sign * (x - y);
  });
}
