/**
 * Loads a page anew when a script of it could not be fetched: without them a page looks whole and is dead.
 *
 * Browsers drop what is under way when the network changes, which on the host's own desktop every start of a guest does.
 * Stands only in pages that were asked for by GET, before all other scripts.
 */
const KEY = "kvmweb-loaded-anew";
/** So soon after the last time it does not help. */
const CALM_MS = 5000;

/** @param {Event} event */
function failed(event) {
  if (!(event.target instanceof HTMLScriptElement) || !event.target.src.startsWith(location.origin)) return;
  const last = Number(sessionStorage.getItem(KEY) ?? 0);
  if (Date.now() - last < CALM_MS) return;
  sessionStorage.setItem(KEY, String(Date.now()));
  location.reload();
}

addEventListener("error", failed, true);
addEventListener("load", () => removeEventListener("error", failed, true));
