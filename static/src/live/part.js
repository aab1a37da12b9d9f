/** Parts of the frame that are fetched again by themselves: the jobs indicator, the bell. */
import htmx from "htmx.org";
import { ask, byId, parse } from "../lib/dom.js";
import { morph } from "../lib/morph.js";

/**
 * Fetch a part of the frame again and merge it into the page; null when that failed.
 * @param {string} id
 * @param {string | undefined} url
 */
export async function refreshPart(id, url) {
  const place = byId(id);
  if (!url || !place) return null;
  const answer = await ask(url).catch(() => null);
  if (!answer?.ok) return null;
  const fresh = parse(`<div id="${id}">${await answer.text()}</div>`).getElementById(id);
  if (!fresh) return null;
  morph(place, fresh);
  const merged = byId(id);
  if (merged) htmx.process(merged);
  return merged;
}

/**
 * Call `refresh` soon, once for what gathers meanwhile.
 * @param {() => void} refresh
 * @param {number} gatherMs
 */
export function soon(refresh, gatherMs) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, gatherMs);
  };
}
