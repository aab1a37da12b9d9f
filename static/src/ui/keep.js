/** What somebody changes in a form while the server fills it in stays as he changed it. */

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */

/** @param {Element} element @returns {element is Control} */
function isControl(element) {
  return Boolean(element.id) && "value" in element && element.getAttribute("type") !== "hidden";
}

/** @param {Control} control */
function state(control) {
  return control instanceof HTMLInputElement && control.type === "checkbox" ? String(control.checked) : control.value;
}

/** @param {HTMLFormElement} form @returns {Map<string, string>} */
function states(form) {
  return new Map([...form.elements].filter(isControl).map((control) => [control.id, state(control)]));
}

/** @param {Control} control @param {string} value */
function put(control, value) {
  if (control instanceof HTMLInputElement && control.type === "checkbox") control.checked = value === "true";
  else control.value = value;
}

/** Watch the forms that htmx replaces as a whole. */
export function keepChanges() {
  /** @type {Map<string, string>} */
  let sent = new Map();
  /** @type {[string, string][]} */
  let changed = [];
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { target } = /** @type {CustomEvent} */ (event).detail;
    if (target instanceof HTMLFormElement) sent = states(target);
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target } = /** @type {CustomEvent} */ (event).detail;
    if (target instanceof HTMLFormElement) changed = [...states(target)].filter(([id, value]) => sent.get(id) !== value);
  });
  document.addEventListener("htmx:load", (event) => {
    if (!(event.target instanceof HTMLFormElement)) return;
    for (const [id, value] of changed) {
      const control = event.target.elements.namedItem(id);
      if (control instanceof Element && isControl(control)) put(control, value);
    }
    changed = [];
  });
}
