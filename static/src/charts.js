/** Charts of a guest or of hosts: fetched by span, kept in the address, and for the hour continued live. */
import { load, liveMinutes, STEP_S } from "./charts/data.js";
import { drawing } from "./charts/drawing.js";
import { crosshairKeys } from "./charts/keys.js";
import { isKnown, showSummary } from "./charts/summary.js";
import { nearest } from "./lib/dom.js";
import { text } from "./lib/texts.js";
import { on } from "./live/socket.js";
import { toast } from "./ui/toast.js";

const AGAIN_MS = 60_000;
const FIRST_WAIT_MS = 500;
/** @typedef {import("./charts/data.js").Series} Series */

/** @param {HTMLElement} place */
function start(place) {
  const { charts: kind, subject = "", url = "" } = place.dataset;
  const live = liveMinutes();
  const { draw, point } = drawing(place);
  /** @type {Series | null} */
  let series = null;
  let asked = 0;
  let isDue = false;
  let waitMs = FIRST_WAIT_MS;

  function show() {
    isDue = false;
    const shown = series?.step_s === STEP_S ? live.continued(series) : series;
    const hasAny = shown !== null && isKnown(shown);
    place.querySelector("[data-failed]")?.toggleAttribute("hidden", shown !== null);
    place.querySelector("[data-known]")?.toggleAttribute("hidden", !hasAny);
    place.querySelector("[data-empty]")?.toggleAttribute("hidden", hasAny || !shown);
    if (!hasAny) return;
    draw(shown);
    showSummary(place, shown);
  }

  function showSoon() {
    if (isDue || document.hidden) return;
    isDue = true;
    requestAnimationFrame(show);
  }

  /** @param {boolean} isWanted somebody waits for it */
  async function fetchNow(isWanted) {
    const turn = ++asked;
    const fresh = await load(url, place.dataset.span ?? "hour").catch(() => null);
    if (turn !== asked) return;
    if (fresh) series = fresh;
    else failed(isWanted);
    if (fresh) waitMs = FIRST_WAIT_MS;
    show();
  }

  /** What could not be had is asked for again by itself, ever more slowly. @param {boolean} isWanted */
  function failed(isWanted) {
    if (isWanted && series) toast(text("offline"), "error");
    const turn = asked;
    setTimeout(() => turn === asked && fetchNow(false), waitMs);
    waitMs = Math.min(AGAIN_MS, waitMs * 2);
  }

  /** @param {string} span */
  function choose(span) {
    place.dataset.span = span;
    for (const link of place.querySelectorAll("a[data-span]")) {
      if (link.getAttribute("data-span") === span) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    place.querySelector("[data-csv]")?.setAttribute("href", `${url}?span=${span}&format=csv`);
    history.replaceState(history.state, "", `?span=${span}`);
    fetchNow(true);
  }

  place.addEventListener("click", (event) => {
    const link = nearest(event, "a[data-span]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(link.dataset.span ?? "hour");
  });
  on("numbers", (message) => {
    if (kind !== "guest" || !message.vms[subject]) return;
    live.add(message.at, message.vms[subject]);
    if (series?.step_s === STEP_S) showSoon();
  });
  on("host-load", (message) => {
    if (kind !== "host" || message.id !== subject) return;
    live.add(Date.now(), [message.cpu, message.used, message.total, ...message.rates]);
    if (series?.step_s === STEP_S) showSoon();
  });
  on("connected", (message) => message.isAgain && fetchNow(false));
  setInterval(() => document.hidden || fetchNow(false), AGAIN_MS);
  document.addEventListener("visibilitychange", () => document.hidden || fetchNow(false));
  crosshairKeys(place, () => series?.at_s.length ?? 0, point);
  fetchNow(true);
}

for (const place of document.querySelectorAll("[data-charts]")) {
  if (place instanceof HTMLElement) start(place);
}
