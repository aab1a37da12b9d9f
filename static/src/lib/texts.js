/** Sentences in the reader's language, which the page carries as JSON. */

/** @type {Record<string, string> | null} */
let known = null;

/** @returns {Record<string, string>} */
function load() {
  const element = document.getElementById("texts");
  return element ? JSON.parse(element.textContent ?? "{}") : {};
}

/**
 * Give a sentence with its %(name)s parts filled in.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function text(key, values = {}) {
  known ??= load();
  return (known[key] ?? key).replace(/%\((\w+)\)s/g, (_all, name) => String(values[name] ?? ""));
}
