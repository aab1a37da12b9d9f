/** The page of a recording: play, pause, go anywhere, faster, past pauses. */
import { byId } from "./lib/dom.js";
import { text } from "./lib/texts.js";
import { Clock } from "./player/clock.js";
import { fetchIndex } from "./player/pieces.js";
import { ScreenFilm } from "./player/screenfilm.js";

const root = /** @type {HTMLElement} */ (byId("player"));
const place = /** @type {HTMLElement} */ (byId("film"));
const seek = /** @type {HTMLInputElement} */ (byId("seek"));
const { kind, name = "", playUrl = "" } = root.dataset;
const STEP_MS = 5000;

/** @param {number} ms */
function clockText(ms) {
  const seconds = Math.round(ms / 1000);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** @param {string} title @param {string} [words] */
function cover(title, words = "") {
  const element = byId("player-cover");
  if (!element) return;
  element.hidden = !title;
  const spinner = element.querySelector("[data-part=spinner]");
  if (spinner instanceof HTMLElement) spinner.hidden = true;
  for (const [part, said] of Object.entries({ title, text: words })) {
    const target = element.querySelector(`[data-part="${part}"]`);
    if (target) target.textContent = said;
  }
}

/** @param {import("./player/pieces.js").Index} index */
async function filmOf(index) {
  const label = text("filmLabel", { name });
  if (kind !== "serial") return new ScreenFilm(place, index, label);
  const { CastFilm } = await import("./player/castfilm.js");
  return new CastFilm(place, index, label);
}

/** @param {Clock} clock */
function paint(clock) {
  const at = clockText(clock.atMs);
  const time = byId("time");
  if (time && time.textContent !== at) time.textContent = at;
  if (document.activeElement !== seek || clock.isPlaying) seek.value = String(clock.atMs);
  seek.setAttribute("aria-valuetext", at);
  const play = byId("play");
  play?.setAttribute("aria-pressed", String(clock.isPlaying));
  play?.setAttribute("aria-label", text(clock.isPlaying ? "pauseFilm" : "playFilm"));
  root.dataset.settled = String(clock.isSettled);
}

/** @param {Clock} clock */
function listen(clock) {
  const toggle = () => (clock.isPlaying ? clock.pause() : clock.play());
  byId("play")?.addEventListener("click", toggle);
  seek.addEventListener("input", () => clock.seek(Number(seek.value)));
  byId("speed")?.addEventListener("change", (event) => {
    if (event.target instanceof HTMLSelectElement) clock.speed = Number(event.target.value);
  });
  byId("skip")?.addEventListener("change", (event) => {
    if (event.target instanceof HTMLInputElement) clock.isSkipping = event.target.checked;
  });
  document.addEventListener("keydown", (event) => {
    const isElsewhere = event.target instanceof Element && event.target.closest("input, select, button, a, textarea");
    if (isElsewhere || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === " ") toggle();
    else if (event.key === "ArrowRight") clock.seek(clock.atMs + STEP_MS);
    else if (event.key === "ArrowLeft") clock.seek(clock.atMs - STEP_MS);
    else return;
    event.preventDefault();
  });
}

async function start() {
  const index = await fetchIndex(playUrl);
  if (!index.size_bytes || (kind !== "serial" && !index.keys.length)) return cover(text("filmEmpty"), text("filmEmptyText"));
  const film = await filmOf(index);
  const clock = new Clock(film, index.duration_ms, () => paint(clock), () => cover(text("filmBroken"), text("filmBrokenText")));
  seek.max = String(Math.max(1, index.duration_ms));
  const total = byId("total");
  if (total) total.textContent = clockText(index.duration_ms);
  listen(clock);
  await film.show(0);
  cover("");
  clock.play();
}

start().catch(() => cover(text("filmBroken"), text("filmBrokenText")));
