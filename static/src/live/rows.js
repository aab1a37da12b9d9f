/** The rows of the guests page: empty until they come near, fetched by id, merged in place, put in order. */
import htmx from "htmx.org";
import { ask, byId, make, parse } from "../lib/dom.js";
import { morph } from "../lib/morph.js";
import { refreshMenu } from "../ui/menu.js";

const GATHER_MS = 15;
const MOST_IDS = 40;
/** Every row that was ever here, also those that the filter has put away. @type {Map<string, HTMLElement>} */
const known = new Map();
/** @type {Set<string>} */
const dirty = new Set();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let isFetching = false;

/** @typedef {{isNear: (row: HTMLElement) => boolean, added: (row: HTMLElement) => void, changed: (row: HTMLElement, before: DOMStringMap) => void, removed: (row: HTMLElement) => void}} Hooks */
/** @type {Hooks} */
let hooks = { isNear: () => true, added() {}, changed() {}, removed() {} };

/** @param {Hooks} wanted */
export function onRows(wanted) {
  hooks = wanted;
}

/** @returns {HTMLElement} */
function body() {
  return /** @type {HTMLElement} */ (byId("guest-rows"));
}

/** @returns {HTMLElement[]} the rows that are shown */
export function allRows() {
  return /** @type {HTMLElement[]} */ ([...body().children]);
}

/** @param {string} id */
export function rowOf(id) {
  return known.get(id);
}

/** Take over the rows that came with the page. */
export function adoptRows() {
  for (const row of allRows()) known.set(row.dataset.id ?? "", row);
}

/** A row that nobody has looked at yet. @param {string} id */
function empty(id) {
  const isList = byId("guests")?.dataset.view === "list";
  const attributes = { class: isList ? "g-row" : "g-card", role: isList ? "row" : "listitem" };
  const row = make("div", { ...attributes, id: `g-${id}`, "data-id": id, "data-rev": "-1", "data-wait": "" });
  known.set(id, row);
  hooks.added(row);
  return row;
}

/**
 * Show these rows in this order and no others; what has the focus keeps it.
 * @param {string[]} ids
 */
export function showRows(ids) {
  const place = body();
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const wanted = new Set(ids);
  for (const row of allRows()) if (!wanted.has(row.dataset.id ?? "")) row.remove();
  let at = place.firstElementChild;
  for (const id of ids) {
    const row = known.get(id) ?? empty(id);
    if (row === at) at = at.nextElementSibling;
    else place.insertBefore(row, at);
  }
  if (!(focused instanceof HTMLElement) || focused === document.activeElement) return;
  if (focused.isConnected) focused.focus({ preventScroll: true });
  else byId("filter")?.focus();
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

/** @param {string[]} ids */
async function fetchRows(ids) {
  const guests = byId("guests");
  const query = new URLSearchParams(ids.map((id) => ["id", id]));
  query.set("view", guests?.dataset.view ?? "list");
  const answer = await ask(`${guests?.dataset.rowsUrl}?${query}`).catch(() => null);
  if (!answer?.ok) return null;
  const fresh = parse(await answer.text());
  return /** @type {HTMLElement[]} */ ([...fresh.body.children]);
}

/** Take what is to be fetched next; what was scrolled away meanwhile asks again when it comes back. */
function take() {
  const isWanted = (/** @type {string} */ id) => {
    const row = known.get(id);
    return row !== undefined && hooks.isNear(row);
  };
  for (const id of dirty) if (!isWanted(id)) dirty.delete(id);
  const ids = [...dirty].slice(0, MOST_IDS);
  for (const id of ids) dirty.delete(id);
  return ids;
}

async function run() {
  const ids = take();
  if (!ids.length) return;
  isFetching = true;
  const rows = await fetchRows(ids);
  isFetching = false;
  if (rows) {
    const seen = new Set(rows.map((row) => row.dataset.id));
    for (const row of rows) put(row);
    for (const id of ids) if (!seen.has(id)) removeRow(id);
  }
  if (dirty.size) refreshRows([]);
}

/** @param {HTMLElement} fresh */
function put(fresh) {
  const id = fresh.dataset.id ?? "";
  const row = known.get(id);
  if (!row) return;
  if (!row.isConnected) return void (row.dataset.rev = "-1");
  const before = { ...row.dataset };
  morph(row, fresh);
  const merged = byId(`g-${id}`) ?? row;
  known.set(id, merged);
  htmx.process(merged);
  hooks.changed(merged, before);
  refreshMenu(id);
}

/** @param {string} id */
export function removeRow(id) {
  const row = known.get(id);
  if (!row) return;
  known.delete(id);
  hooks.removed(row);
  if (row.contains(document.activeElement)) byId("filter")?.focus();
  row.remove();
}
