/**
 * Loads a page anew when a script of it could not be fetched: without them a page looks whole and is dead.
 *
 * Browsers drop what is under way when the network changes, which on the host's own desktop every start of a guest does.
 * Stands only in pages that were asked for by GET, before all other scripts.
 */
const KEY = "kvmweb-loaded-anew";
let isWhole = true;

/** Once and no more: the mark stays until a page has come whole. @param {Event} event */
function failed(event) {
  if (!(event.target instanceof HTMLScriptElement) || !event.target.src.startsWith(location.origin)) return;
  isWhole = false;
  if (sessionStorage.getItem(KEY)) return;
  sessionStorage.setItem(KEY, "1");
  location.reload();
}

function loaded() {
  removeEventListener("error", failed, true);
  if (isWhole) sessionStorage.removeItem(KEY);
}

addEventListener("error", failed, true);
addEventListener("load", loaded);
