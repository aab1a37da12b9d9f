/** Passkeys: the browser's half of adding one and of showing one; its answer is sent with a form (data-passkey). */
import { byId } from "./lib/dom.js";

/** @typedef {{publicKey: any}} Options */

/** What the server wants, from the page or from an address. @param {HTMLFormElement} form @returns {Promise<Options>} */
async function optionsOf(form) {
  const data = await dataOf(form.dataset.optionsUrl);
  return data.creation_options ?? data.request_options;
}

/** @param {string | undefined} url */
async function dataOf(url) {
  if (!url) return JSON.parse(byId("passkey-options")?.textContent ?? "{}");
  const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

/**
 * Make a passkey; one that logs in alone must remember the account and check who holds it.
 * @param {HTMLFormElement} form
 * @param {any} options
 */
function create(form, options) {
  const alone = form.querySelector("[name=passwordless]");
  const isAlone = alone instanceof HTMLInputElement && alone.checked;
  const selection = { ...options.authenticatorSelection, residentKey: isAlone ? "required" : "discouraged", requireResidentKey: isAlone };
  if (isAlone) selection.userVerification = "required";
  const wanted = PublicKeyCredential.parseCreationOptionsFromJSON({ ...options, authenticatorSelection: selection });
  return navigator.credentials.create({ publicKey: wanted });
}

/** @param {any} options */
function show(options) {
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

/** Show one of the sentences that the page brought, or none. @param {HTMLFormElement} form @param {"unsupported" | "refused" | ""} which */
function complain(form, which) {
  const place = form.querySelector("[data-passkey-error]");
  const words = place?.querySelector("div");
  if (!(place instanceof HTMLElement) || !words) return;
  place.hidden = !which;
  words.textContent = which ? (place.dataset[which] ?? "") : "";
}

/** @param {HTMLFormElement} form */
async function perform(form) {
  complain(form, "");
  try {
    const outer = (await optionsOf(form)).publicKey ?? {};
    const made = await (form.dataset.passkey === "create" ? create(form, outer) : show(outer));
    const field = form.querySelector("[name=credential]");
    if (!(made instanceof PublicKeyCredential) || !(field instanceof HTMLInputElement)) throw new Error("none");
    field.value = JSON.stringify(made.toJSON());
    form.submit();
  } catch (error) {
    const isImpossible = error instanceof DOMException && error.name === "SecurityError";
    complain(form, isImpossible ? "unsupported" : "refused");
  }
}

const canPasskeys = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("[data-passkey-go]");
  if (!(form instanceof HTMLFormElement) || !(button instanceof HTMLElement)) continue;
  const isOnlyWay = !form.dataset.optionsUrl;
  if (!canPasskeys) {
    if (isOnlyWay) complain(form, "unsupported");
    continue;
  }
  button.hidden = false;
  button.addEventListener("click", () => perform(form));
}
