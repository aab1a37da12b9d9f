/** What every page has: copy buttons, appearance, shortcuts, inline editing, notes from the server. */
import htmx from "htmx.org";
import { byId, goToLogin, nearest } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { toast } from "./toast.js";

const A_YEAR_S = 31_536_000;

/** @param {HTMLElement} button */
async function copy(button) {
  const source = button.dataset.copyFrom ? byId(button.dataset.copyFrom)?.textContent : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(source ?? "");
    toast(text("copied"));
  } catch {
    toast(text("copyFailed"), "warning");
  }
}

/** @param {HTMLElement} choice */
function chooseAppearance(choice) {
  const wanted = choice.dataset.appearance ?? "";
  const path = document.body.dataset.cookiePath ?? "/";
  const age = wanted ? A_YEAR_S : 0;
  document.cookie = `kvmweb_appearance=${wanted}; path=${path}; max-age=${age}; SameSite=Lax`;
  if (wanted) document.documentElement.dataset.bsTheme = wanted;
  else delete document.documentElement.dataset.bsTheme;
  for (const other of document.querySelectorAll("[data-appearance]")) {
    other.setAttribute("aria-checked", String(other === choice));
  }
}

/** @param {string} name @param {boolean} isEditing */
function edit(name, isEditing) {
  const form = document.querySelector(`[data-form-of="${name}"]`);
  const view = document.querySelector(`[data-view-of="${name}"]`);
  if (!(form instanceof HTMLFormElement) || !(view instanceof HTMLElement)) return;
  form.hidden = !isEditing;
  view.hidden = isEditing;
  if (isEditing) form.querySelector("textarea")?.focus();
  else form.reset();
}

/** @param {MouseEvent} event */
function clicked(event) {
  const target = nearest(event, "[data-copy], [data-copy-from], [data-appearance], [data-edit], [data-edit-cancel], [aria-disabled=true]");
  if (!target) return;
  const { dataset } = target;
  if (target.getAttribute("aria-disabled") === "true") {
    event.preventDefault();
    const why = byId(target.getAttribute("aria-describedby") ?? "")?.textContent;
    if (why) toast(why, "warning");
  } else if (dataset.copy !== undefined || dataset.copyFrom) copy(target);
  else if (dataset.appearance !== undefined) chooseAppearance(target);
  else if (dataset.edit) edit(dataset.edit, true);
  else if (dataset.editCancel) edit(dataset.editCancel, false);
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const target = event.target;
  const isTyping = target instanceof Element && target.closest("input, textarea, select, [contenteditable], #screen");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  byId("search")?.focus();
}

/** What htmx could not do is said in a toast; what the server says comes as an event. */
function hearHtmx() {
  document.addEventListener("kvmweb:toast", (event) => {
    const { text: sentence, level } = /** @type {CustomEvent} */ (event).detail;
    toast(sentence, level);
  });
  document.addEventListener("htmx:sendError", () => toast(text("offline"), "error"));
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = /** @type {CustomEvent} */ (event).detail;
    if (xhr.status === 401) goToLogin();
    else if (!xhr.getResponseHeader("HX-Trigger")) {
      toast(text({ 403: "notAllowed", 404: "gone" }[/** @type {403} */ (xhr.status)] ?? "failed"), "error");
    }
  });
  // A dialog's form that comes back with an error is shown again.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    if (detail.xhr.status === 422) detail.shouldSwap = true;
  });
  htmx.config.defaultFocusScroll = false;
}

/** Bring the common parts of the page to life. */
export function startPage() {
  document.addEventListener("click", clicked);
  document.addEventListener("keydown", pressed);
  for (const button of document.querySelectorAll("[data-edit]")) button.removeAttribute("hidden");
  const wrong = document.querySelector("[aria-invalid=true], [data-focus]");
  if (wrong instanceof HTMLElement) wrong.focus();
  hearHtmx();
}
