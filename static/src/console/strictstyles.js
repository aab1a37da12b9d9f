/**
 * xterm.js under a policy of `style-src 'self'`: it writes style elements and style attributes, which
 * the policy forbids. Style sheets made by script and changes through `element.style` are allowed and
 * do the same, so that is what this page's elements of those kinds do. (xterm.js has an option for a
 * document of one's own, but asks the global one all the same.)
 */

/** A node in place of a style element: what is written into it becomes a style sheet of its own. */
function sheetElement() {
  const stand = Document.prototype.createElement.call(document, "template");
  const sheet = new CSSStyleSheet();
  Object.defineProperty(stand, "textContent", { set: (/** @type {string} */ css) => sheet.replaceSync(css) });
  stand.remove = () => {
    Element.prototype.remove.call(stand);
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
  };
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  return stand;
}

/** @this {HTMLElement} @param {string} name @param {string} value */
function setAttribute(name, value) {
  if (name === "style") this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}

/** @param {string} name @param {ElementCreationOptions} [options] */
function createElement(name, options) {
  if (name === "style") return sheetElement();
  const element = Document.prototype.createElement.call(document, name, options);
  if (name === "span") element.setAttribute = setAttribute;
  return element;
}

/** Let script style what it makes on this page, from now on. */
export function styleByScript() {
  document.createElement = /** @type {typeof document.createElement} */ (createElement);
}
