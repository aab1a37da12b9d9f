/** Do one thing to all chosen guests, a few at a time, and show what came of each. */
import { ask, byId, make, parse } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { announce, toast } from "../ui/toast.js";
import { choose, chosenIds } from "./chosen.js";

/** So many guests go into one request, so that results come as they come. */
const AT_ONCE = 5;
const ASKED_FIRST = ["power-off", "delete"];

/** @typedef {{head: HTMLElement, lines: HTMLElement, section: HTMLElement, isStopped: boolean}} Panel */

/** @returns {HTMLFormElement} */
function bar() {
  return /** @type {HTMLFormElement} */ (byId("bulk"));
}

/** @param {Record<string, string>} fields @param {string[]} ids */
async function post(fields, ids) {
  const body = new URLSearchParams(fields);
  for (const id of ids) body.append("id", id);
  const answer = await ask(bar().action, { method: "POST", body }).catch(() => null);
  const words = (await answer?.text().catch(() => "")) ?? "";
  if (answer?.ok) return words;
  toast((answer?.status === 409 && words) || text(answer ? "failed" : "offline"), "error");
  return null;
}

/** Ask before something is lost: the server names every guest. @param {string} verb @param {string[]} ids */
async function askFirst(verb, ids) {
  const dialog = byId("sheet");
  const html = await post({ verb }, ids);
  if (html === null || !(dialog instanceof HTMLDialogElement)) return;
  dialog.innerHTML = html;
  dialog.showModal();
}

/** @param {string} title @returns {Panel} */
function panel(title) {
  const stop = make("button", { type: "button", class: "btn btn-small", "data-stop": "" }, text("stop"));
  const head = make("div", { class: "bulk-sum", role: "status" }, title);
  const lines = make("ul", { class: "bulk-lines" });
  const close = make("button", { type: "button", class: "btn-close", "aria-label": text("close") });
  const top = make("div", { class: "bulk-head" }, head, stop, close);
  const section = make("section", { class: "panel bulk-panel", "aria-label": title }, top, lines);
  const made = { head, lines, section, isStopped: false };
  stop.addEventListener("click", () => (made.isStopped = true));
  close.addEventListener("click", () => {
    made.isStopped = true;
    section.remove();
    byId("filter")?.focus();
  });
  byId("bulk-results")?.replaceChildren(section);
  return made;
}

/** @param {Panel} shown @param {string} html */
function addLines(shown, html) {
  for (const line of parse(html).querySelectorAll("li")) {
    // What went wrong is read first.
    if (line.classList.contains("is-bad")) shown.lines.prepend(line);
    else shown.lines.append(line);
  }
}

/** @param {string} title @param {Record<string, string>} fields @param {string[]} ids */
async function run(title, fields, ids) {
  const shown = panel(title);
  /** @type {string[]} */
  const left = [...ids];
  /** @type {string[]} */
  const bad = [];
  while (left.length && !shown.isStopped) {
    const some = left.splice(0, AT_ONCE);
    shown.head.textContent = text("bulkProgress", { title, done: ids.length - left.length - some.length, total: ids.length });
    const html = await post(fields, some);
    if (html === null) {
      left.unshift(...some);
      break;
    }
    addLines(shown, html);
    const lines = [...parse(html).querySelectorAll("li")];
    bad.push(...some.filter((_id, i) => lines[i]?.classList.contains("is-bad")));
  }
  finish(shown, title, ids, [...bad, ...left], bad.length);
}

/**
 * Say how it ended; what was not done stays chosen.
 * @param {Panel} shown
 * @param {string} title
 * @param {string[]} ids
 * @param {string[]} undone
 * @param {number} refused
 */
function finish(shown, title, ids, undone, refused) {
  const left = undone.length - refused;
  const parts = [text("bulkEnd", { title, good: ids.length - undone.length })];
  if (refused) parts.push(text("bulkBad", { bad: refused }));
  if (left) parts.push(text("bulkLeft", { left }));
  const words = parts.join(", ");
  shown.head.textContent = words;
  shown.section.querySelector("[data-stop]")?.remove();
  shown.section.classList.toggle("has-bad", undone.length > 0);
  announce(words);
  choose(undone);
}

/** @param {SubmitEvent} event */
function submitted(event) {
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  if (form === bar()) {
    event.preventDefault();
    const button = event.submitter;
    if (!(button instanceof HTMLButtonElement)) return;
    const ids = chosenIds();
    if (ASKED_FIRST.includes(button.value)) return void askFirst(button.value, ids);
    const tags = /** @type {HTMLInputElement} */ (byId("bulk-tags")).value;
    run(button.title || button.textContent?.trim() || "", { verb: button.value, tags }, ids);
  } else if (form.dataset.bulkAsk !== undefined) {
    event.preventDefault();
    const data = new FormData(form);
    const ids = data.getAll("id").map(String);
    data.delete("id");
    const title = form.querySelector("h2")?.textContent?.replace("?", "") ?? "";
    form.closest("dialog")?.close();
    run(title, /** @type {Record<string, string>} */ (Object.fromEntries(data)), ids);
  }
}

/** Bring the bar of the chosen guests to life. */
export function startBulk() {
  document.addEventListener("submit", submitted);
  // Enter in the field adds the tags; it would press the first button of the bar, which starts guests.
  byId("bulk-tags")?.addEventListener("keydown", (event) => {
    if (!(event instanceof KeyboardEvent) || event.key !== "Enter") return;
    event.preventDefault();
    const add = bar().querySelector("button[value=tag]");
    if (add instanceof HTMLElement) add.click();
  });
}
