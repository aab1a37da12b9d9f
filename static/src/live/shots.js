/** Live pictures of screens: fetched when on the screen, again every few seconds, never while the tab is hidden. */

const EVERY_MS = 5000;
/** @type {WeakMap<HTMLImageElement, number>} */
const takenAt = new WeakMap();
/** @type {WeakSet<HTMLImageElement>} */
const loading = new WeakSet();

/** @param {HTMLImageElement} image */
function take(image) {
  const url = image.dataset.shot;
  if (!url || loading.has(image) || Date.now() - (takenAt.get(image) ?? 0) < EVERY_MS - 250) return;
  takenAt.set(image, Date.now());
  loading.add(image);
  // The old picture stays until the new one is here, so nothing flickers.
  const fresh = new Image();
  const done = () => loading.delete(image);
  fresh.onload = () => {
    done();
    if (!image.isConnected || image.dataset.shot !== url) return;
    image.src = fresh.src;
    image.hidden = false;
  };
  fresh.onerror = () => {
    done();
    image.hidden = true;
  };
  fresh.src = `${url}?at=${Math.floor(Date.now() / 1000)}`;
}

/**
 * Photograph the screens inside these elements, now.
 * @param {Iterable<Element>} places
 */
export function takeShots(places) {
  if (document.hidden) return;
  for (const place of places) {
    for (const image of place.querySelectorAll("img[data-shot]")) {
      if (image instanceof HTMLImageElement) take(image);
    }
  }
}

/**
 * Photograph again and again what `places` gives.
 * @param {() => Iterable<Element>} places
 */
export function startShots(places) {
  takeShots(places());
  setInterval(() => takeShots(places()), EVERY_MS);
  document.addEventListener("visibilitychange", () => takeShots(places()));
}
