/** The rows of the guests page: fetched again by id when a hint says so, merged in place, sorted in, removed. */
import htmx from "htmx.org";
import { ask, byId, parse } from "../lib/dom.js";
import { morph } from "../lib/morph.js";
import { refreshMenu } from "../ui/menu.js";

const GATHER_MS = 15;
const MOST_IDS = 100;
/** @type {Set<string>} */
const dirty = new Set();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let isFetching = false;

/** @typedef {{added: (row: HTMLElement) => void, changed: (row: HTMLElement, before: string) => void, removed: (row: HTMLElement) => void, settled: () => void}} Hooks */
/** @type {Hooks} */
let hooks = { added() {}, changed() {}, removed() {}, settled() {} };

/** @param {Hooks} wanted */
export function onRows(wanted) {
  hooks = wanted;
}

/** @returns {HTMLElement} */
function body() {
  return /** @type {HTMLElement} */ (byId("guest-rows"));
}

/** @returns {HTMLElement[]} */
export function allRows() {
  return /** @type {HTMLElement[]} */ ([...body().children]);
}

/** @param {string} id */
export function rowOf(id) {
  return byId(`g-${id}`);
}

/**
 * Ask for rows again, soon and together.
 * @param {Iterable<string>} ids
 */
export function refreshRows(ids) {
  for (const id of ids) dirty.add(id);
  if (!dirty.size || isFetching) return;
  clearTimeout(timer);
  timer = setTimeout(run, GATHER_MS);
}

/** @param {URLSearchParams} query */
async function fetchRows(query) {
  const guests = byId("guests");
  query.set("view", guests?.dataset.view ?? "list");
  const answer = await ask(`${guests?.dataset.rowsUrl}?${query}`).catch(() => null);
  if (!answer?.ok) return null;
  const fresh = parse(await answer.text());
  return /** @type {HTMLElement[]} */ ([...fresh.body.children]);
}

async function run() {
  const ids = [...dirty].slice(0, MOST_IDS);
  isFetching = true;
  for (const id of ids) dirty.delete(id);
  const rows = await fetchRows(new URLSearchParams(ids.map((id) => ["id", id])));
  isFetching = false;
  if (rows) {
    const seen = new Set(rows.map((row) => row.dataset.id));
    for (const row of rows) put(row);
    for (const id of ids) if (!seen.has(id)) removeRow(id);
    hooks.settled();
  }
  if (dirty.size) refreshRows([]);
}

/**
 * Find out what was missed while no hint could come, and fetch that: by revision, and rows that `also` names.
 * @param {Iterable<string>} also
 */
export async function resync(also) {
  const answer = await ask(byId("guests")?.dataset.indexUrl ?? "").catch(() => null);
  if (!answer?.ok) return;
  const revisions = new Map(Object.entries(/** @type {Record<string, number>} */ (await answer.json())));
  const stale = [...revisions].filter(([id, revision]) => Number(rowOf(id)?.dataset.rev ?? -1) < revision);
  for (const row of allRows()) if (!revisions.has(row.dataset.id ?? "")) removeRow(row.dataset.id ?? "");
  hooks.settled();
  refreshRows([...stale.map(([id]) => id), ...also]);
}

/** @param {HTMLElement} fresh */
function put(fresh) {
  const known = rowOf(fresh.dataset.id ?? "");
  if (!known) return insert(fresh);
  const before = known.dataset.state ?? "";
  const isRenamed = known.dataset.name !== fresh.dataset.name;
  morph(known, fresh);
  const row = rowOf(fresh.dataset.id ?? "");
  if (!row) return;
  htmx.process(row);
  if (isRenamed) place(row);
  hooks.changed(row, before);
  refreshMenu(row.dataset.id ?? "");
}

/** @param {HTMLElement} fresh */
function insert(fresh) {
  const row = /** @type {HTMLElement} */ (document.importNode(fresh, true));
  place(row);
  htmx.process(row);
  hooks.added(row);
}

/** Rows stand by name, then id, as the server sorts them. @param {HTMLElement} a @param {HTMLElement} b */
function isBefore(a, b) {
  const [x, y] = [a.dataset.name ?? "", b.dataset.name ?? ""];
  return x === y ? (a.dataset.id ?? "") < (b.dataset.id ?? "") : x < y;
}

/** @param {HTMLElement} row */
function place(row) {
  const next = allRows().find((other) => other !== row && isBefore(row, other));
  body().insertBefore(row, next ?? null);
}

/** @param {string} id */
export function removeRow(id) {
  const row = rowOf(id);
  if (!row) return;
  hooks.removed(row);
  if (row.contains(document.activeElement)) byId("filter")?.focus();
  row.remove();
}
