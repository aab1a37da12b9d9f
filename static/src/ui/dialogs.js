/** Dialogs: questions before something is lost, and pages shown in a sheet (links with data-sheet). */
import htmx from "htmx.org";
import { ask, byId, make, nearest } from "../lib/dom.js";
import { text } from "../lib/texts.js";

/** @returns {HTMLDialogElement | null} */
function sheet() {
  const element = byId("sheet");
  return element instanceof HTMLDialogElement ? element : null;
}

/**
 * Ask before something is lost. Resolves to true when the person confirms.
 * @param {HTMLElement} source carries data-confirm-title and data-confirm-button
 * @param {string} question
 * @returns {Promise<boolean>}
 */
export function confirm(source, question) {
  const dialog = sheet();
  if (!dialog) return Promise.resolve(false);
  const no = make("button", { type: "button", class: "btn", autofocus: "" }, text("cancel"));
  const yes = make("button", { type: "button", class: "btn btn-danger" }, source.dataset.confirmButton ?? "OK");
  const title = make("h2", { id: "sheet-title" }, source.dataset.confirmTitle ?? "");
  dialog.replaceChildren(
    make("div", { class: "sheet-body" }, title, make("p", {}, question)),
    make("div", { class: "sheet-foot" }, no, yes),
  );
  dialog.returnValue = "";
  dialog.showModal();
  no.addEventListener("click", () => dialog.close());
  yes.addEventListener("click", () => dialog.close("yes"));
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** @param {string} url */
async function openSheet(url) {
  const dialog = sheet();
  if (!dialog) return;
  const answer = await ask(url).catch(() => null);
  if (!answer?.ok) return void location.assign(url);
  dialog.innerHTML = await answer.text();
  htmx.process(dialog);
  sayWhatGoes(dialog);
  dialog.showModal();
}

/** Let the button of the delete form say exactly what will go. @param {ParentNode} root */
export function sayWhatGoes(root) {
  const form = root.querySelector("[data-delete]");
  const label = form?.querySelector("[data-delete-label]");
  if (!(form instanceof HTMLFormElement) || !label) return;
  const count = form.querySelectorAll("input[name=disks]:checked:not(:disabled)").length;
  const key = count === 0 ? "deleteNothing" : count === 1 ? "deleteOne" : "deleteMany";
  label.textContent = text(key, { name: form.dataset.name ?? "", count });
}

/** @param {Event} event an htmx:confirm event */
async function htmxAsks(event) {
  const { question, elt, issueRequest } = /** @type {CustomEvent} */ (event).detail;
  if (!question) return;
  event.preventDefault();
  if (await confirm(elt, question)) issueRequest(true);
}

/** @param {SubmitEvent} event */
async function submitted(event) {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.dataset.confirm) return;
  event.preventDefault();
  if (await confirm(form, form.dataset.confirm)) form.submit();
}

/** Bring dialogs to life. */
export function startDialogs() {
  const dialog = sheet();
  dialog?.addEventListener("close", () => dialog.replaceChildren());
  document.addEventListener("htmx:confirm", htmxAsks);
  document.addEventListener("submit", submitted);
  document.addEventListener("click", (event) => {
    const link = nearest(event, "a[data-sheet]");
    if (link instanceof HTMLAnchorElement && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      openSheet(link.href);
    }
    if (nearest(event, "dialog [data-sheet-close]")) {
      event.preventDefault();
      sheet()?.close();
    }
  });
  document.addEventListener("change", (event) => {
    const form = nearest(event, "[data-delete]");
    if (form?.parentElement) sayWhatGoes(form.parentElement);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt, xhr } = /** @type {CustomEvent} */ (event).detail;
    if (elt instanceof HTMLElement && elt.matches("[data-delete]") && xhr.status === 204) sheet()?.close();
  });
  sayWhatGoes(document);
}
