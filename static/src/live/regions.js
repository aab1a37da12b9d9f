/** Parts of a page (data-region with an id) that are fetched again, as part of the same page, when something changed. */
import htmx from "htmx.org";
import { ask, byId, make, parse } from "../lib/dom.js";
import { morph } from "../lib/morph.js";
import { text } from "../lib/texts.js";

const GATHER_MS = 60;
/** @type {((fresh: Document) => void)[]} */
const hooks = [];
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** Those who want to know when the page says what is true now. @type {(() => void)[]} */
let waiting = [];
let isFetching = false;
let isWanted = false;

/**
 * Be called after every refresh.
 * @param {(fresh: Document) => void} hook
 */
export function afterRefresh(hook) {
  hooks.push(hook);
}

/** Fetch this page again soon and merge its regions. */
export function refresh() {
  clearTimeout(timer);
  timer = setTimeout(run, GATHER_MS);
}

/** Do so, and wait until it has been tried. @returns {Promise<void>} */
export function refreshed() {
  return new Promise((resolve) => {
    waiting.push(resolve);
    refresh();
  });
}

async function run() {
  if (isFetching) return void (isWanted = true);
  isFetching = true;
  isWanted = false;
  const served = waiting;
  waiting = [];
  const answer = await ask(location.pathname + location.search).catch(() => null);
  if (answer?.ok) merge(parse(await answer.text()));
  else if (answer?.status === 404) sayGone();
  isFetching = false;
  for (const each of served) each();
  if (isWanted) refresh();
}

/** @param {Document} fresh */
function merge(fresh) {
  for (const region of document.querySelectorAll("[data-region][id]")) {
    const next = fresh.getElementById(region.id);
    if (!next || !(region instanceof HTMLElement) || isBeingEdited(region)) continue;
    morph(region, next);
    const merged = byId(region.id);
    if (merged) htmx.process(merged);
  }
  for (const hook of hooks) hook(fresh);
}

/**
 * A form that somebody has begun to fill in is left alone, with a word about it.
 * @param {HTMLElement} region
 */
function isBeingEdited(region) {
  if (region.dataset.formRegion === undefined || region.dataset.dirty === undefined) return false;
  if (!region.querySelector(".changed-elsewhere")) {
    const button = make("button", { type: "button", class: "btn btn-small" }, text("reload"));
    button.addEventListener("click", () => location.reload());
    const words = make("div", {}, `${text("changedElsewhere")} `, button);
    region.querySelector(".panel-body")?.prepend(make("div", { class: "notice is-warning changed-elsewhere", role: "status" }, words));
  }
  return true;
}

function sayGone() {
  const main = byId("main");
  if (main && !main.querySelector(".is-gone")) {
    main.prepend(make("div", { class: "notice is-error is-gone", role: "alert" }, make("div", {}, text("gone"))));
  }
}

/** Notice which forms somebody has begun to fill in. */
export function startRegions() {
  document.addEventListener("input", (event) => {
    const region = event.target instanceof Element ? event.target.closest("[data-form-region]") : null;
    if (region instanceof HTMLElement) region.dataset.dirty = "";
  });
}
