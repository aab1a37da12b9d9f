/** What is looked for: box, chips and column heads ask the server, which finds and orders; the address remembers. */
import { ask, byId, nearest } from "../lib/dom.js";
import { text } from "../lib/texts.js";

const TYPING_MS = 120;
/** So seldom is the server asked again because guests changed. */
const CALM_MS = 1500;

/** @typedef {{guests: Record<string, number>, total: number, problem: string, sort: string, heads: Record<string, [string, string]>, chips: Record<string, [string, boolean, string]>}} Index */
/** @typedef {(index: Index, isAsked: boolean) => void} Listener */
/** @type {Listener} */
let hear = () => {};
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let dueAt = Infinity;
let askedAt = 0;
let turn = 0;
/** Whether somebody asked, and not only something changed. */
let isAsked = false;

/** @param {string} id @returns {HTMLInputElement} */
function input(id) {
  return /** @type {HTMLInputElement} */ (byId(id));
}

/** @returns {{q: string, sort: string}} */
export function wanted() {
  return { q: input("filter").value.trim(), sort: input("sort").value };
}

/** Ask within so many milliseconds; what is due earlier stays. @param {number} ms */
function askWithin(ms) {
  const at = Date.now() + ms;
  if (at >= dueAt) return;
  clearTimeout(timer);
  dueAt = at;
  timer = setTimeout(fetchIndex, ms);
}

/** Ask again because guests came, went or changed: soon, but not often. */
export function askAgain() {
  askWithin(Math.max(60, askedAt + CALM_MS - Date.now()));
}

async function fetchIndex() {
  dueAt = Infinity;
  askedAt = Date.now();
  turn += 1;
  const mine = turn;
  const wasAsked = isAsked;
  const url = byId("guests")?.dataset.indexUrl ?? "";
  const answer = await ask(`${url}?${new URLSearchParams(wanted())}`).catch(() => null);
  if (!answer?.ok || mine !== turn) return;
  const index = /** @type {Index} */ (await answer.json());
  if (mine !== turn) return;
  isAsked &&= !wasAsked;
  paint(index);
  hear(index, wasAsked);
}

/** @param {Index} index */
function paint(index) {
  const { q } = wanted();
  const count = byId("filter-count");
  const shown = Object.keys(index.guests).length;
  if (count) count.textContent = q ? text("shown", { shown, total: index.total }) : "";
  const problem = byId("filter-problem");
  if (problem) {
    problem.textContent = index.problem;
    problem.hidden = !index.problem;
  }
  input("filter").setAttribute("aria-invalid", String(index.problem !== ""));
  const nothing = byId("no-match");
  if (nothing) nothing.hidden = shown > 0 || index.total === 0;
  for (const [name, [value, isSet, url]] of Object.entries(index.chips)) paintChip(name, value, isSet, url);
  for (const [key, [sort, next]] of Object.entries(index.heads)) paintHead(key, sort, next);
}

/** @param {string} name @param {string} value @param {boolean} isSet @param {string} url */
function paintChip(name, value, isSet, url) {
  const chip = byId(`chip-${name}`);
  const place = chip?.querySelector("b");
  if (!chip || !place) return;
  if (place.textContent !== value) place.textContent = value;
  chip.classList.toggle("is-set", isSet);
  chip.dataset.menuUrl = url;
}

/** @param {string} key @param {string} sort @param {string} next */
function paintHead(key, sort, next) {
  const head = document.querySelector(`[data-head="${key}"]`);
  head?.setAttribute("aria-sort", sort);
  head?.querySelector("button")?.setAttribute("value", next);
}

/** Write the search into the address, and where forms of this page come back to. */
function remember() {
  const url = new URL(location.href);
  for (const [key, value] of Object.entries(wanted())) {
    if (value) url.searchParams.set(key, value);
    else url.searchParams.delete(key);
  }
  url.searchParams.delete("page");
  history.replaceState(history.state, "", url);
  for (const place of document.querySelectorAll("[data-here]")) {
    if (place instanceof HTMLInputElement) place.value = url.pathname + url.search;
  }
}

/** @param {string} q @param {number} [ms] */
function look(q, ms = 0) {
  for (const id of ["filter", "search"]) if (input(id).value !== q) input(id).value = q;
  remember();
  isAsked = true;
  askWithin(ms);
}

/** Order the list, and remember that for the next visit. @param {string} sort */
function order(sort) {
  if (input("sort").value === sort) return;
  input("sort").value = sort;
  remember();
  isAsked = true;
  askWithin(0);
  ask(byId("guests")?.dataset.orderUrl ?? "", { method: "POST", body: new URLSearchParams({ sort }) }).catch(() => null);
}

/** @param {MouseEvent} event */
function clicked(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = nearest(event, "a[data-list-url], a[data-query]");
  if (link instanceof HTMLAnchorElement) {
    event.preventDefault();
    if (link.dataset.query) return look(link.dataset.query);
    const { searchParams } = new URL(link.href);
    look(searchParams.get("q") ?? "");
    order(searchParams.get("sort") ?? "");
  } else if (nearest(event, "#filter-clear")) {
    look("");
    input("filter").focus();
  }
}

/** @param {SubmitEvent} event */
function submitted(event) {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || (form.id !== "find" && form !== input("search").form)) return;
  event.preventDefault();
  if (event.submitter instanceof HTMLButtonElement && event.submitter.name === "sort") order(event.submitter.value);
  else askWithin(0);
}

/** What was typed while this script was still on its way counts, too. */
function catchUp() {
  const told = new URL(location.href).searchParams.get("q")?.trim() ?? "";
  for (const id of ["filter", "search"]) if (input(id).value.trim() !== told) return look(input(id).value);
}

/** Bring search and order to life. @param {Listener} listener hears what is found */
export function startQuery(listener) {
  hear = listener;
  for (const id of ["filter", "search"]) input(id).addEventListener("input", () => look(input(id).value, TYPING_MS));
  document.addEventListener("click", clicked);
  document.addEventListener("submit", submitted);
  catchUp();
}
