/** The clock of a replay: where it is, how fast it goes, and what it passes over. */

/** @typedef {{show: (ms: number) => Promise<void>, next: () => number}} Film */

/** A pause longer than this is passed over, up to a moment before its end. */
const IDLE_MS = 2000;
const BEFORE_MS = 400;

/** @param {number} atMs @param {number} nextMs where to go on, when pauses are passed over */
export function pastPause(atMs, nextMs) {
  return nextMs - atMs > IDLE_MS ? nextMs - BEFORE_MS : atMs;
}

export class Clock {
  atMs = 0;
  speed = 1;
  isSkipping = true;
  #isPlaying = false;
  #isBusy = false;
  /** @type {number | null} */
  #wanted = null;

  /** @param {Film} film @param {number} durationMs @param {() => void} changed @param {(error: unknown) => void} failed */
  constructor(film, durationMs, changed, failed) {
    this.film = film;
    this.durationMs = durationMs;
    this.changed = changed;
    this.failed = failed;
  }

  get isPlaying() {
    return this.#isPlaying;
  }

  play() {
    if (this.#isPlaying) return;
    if (this.atMs >= this.durationMs) this.seek(0);
    this.#isPlaying = true;
    let last = performance.now();
    /** @param {number} now */
    const tick = (now) => {
      if (!this.#isPlaying) return;
      if (!this.#isBusy) this.#step((now - last) * this.speed);
      last = now;
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    this.changed();
  }

  pause() {
    this.#isPlaying = false;
    this.changed();
  }

  /** @param {number} elapsedMs */
  #step(elapsedMs) {
    const at = this.isSkipping ? pastPause(this.atMs, this.film.next()) : this.atMs;
    this.seek(at + elapsedMs);
    if (this.atMs >= this.durationMs) this.pause();
  }

  /** Go there; of several wishes while one is being shown the last one counts. @param {number} ms */
  seek(ms) {
    this.atMs = Math.max(0, Math.min(this.durationMs, ms));
    this.#wanted = this.atMs;
    if (!this.#isBusy) this.#show();
    this.changed();
  }

  async #show() {
    this.#isBusy = true;
    try {
      while (this.#wanted !== null) {
        const ms = this.#wanted;
        this.#wanted = null;
        await this.film.show(ms);
      }
    } catch (error) {
      this.pause();
      this.failed(error);
    } finally {
      this.#isBusy = false;
      this.changed();
    }
  }

  get isSettled() {
    return !this.#isBusy;
  }
}
