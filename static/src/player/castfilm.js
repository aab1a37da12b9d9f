/** A recorded serial port: asciicast v2, shown by the terminal that the console uses too. */
import { Terminal } from "@xterm/xterm";
import { THEME } from "../console/terminal.js";
import { styleByScript } from "../console/strictstyles.js";
import { fetchPiece } from "./pieces.js";

/** @typedef {import("./pieces.js").Index} Index */
/** @typedef {{atMs: number, text: string}} Line */

/** @param {string} text @returns {Line[]} */
export function linesOf(text) {
  const lines = [];
  for (const line of text.split("\n").slice(1)) {
    if (!line) continue;
    const [at, kind, said] = JSON.parse(line);
    if (kind === "o") lines.push({ atMs: Math.round(at * 1000), text: said });
  }
  return lines;
}

export class CastFilm {
  /** @type {Line[] | null} */
  #lines = null;
  #written = 0;
  #shownMs = -1;

  /** @param {HTMLElement} place @param {Index} index @param {string} name */
  constructor(place, index, name) {
    this.index = index;
    styleByScript();
    const { width: cols, height: rows } = index;
    this.terminal = new Terminal({ cols, rows, theme: THEME, fontSize: 14, scrollback: 10_000, disableStdin: true });
    this.terminal.open(place);
    this.terminal.textarea?.setAttribute("aria-label", name);
  }

  /** @param {number} ms */
  async show(ms) {
    this.#lines ??= linesOf(new TextDecoder().decode(await fetchPiece(this.index.file_url, 0, this.index.size_bytes)));
    if (ms < this.#shownMs) {
      this.terminal.reset();
      this.#written = 0;
    }
    this.#shownMs = ms;
    let said = "";
    while ((this.#lines[this.#written]?.atMs ?? Infinity) <= ms) said += this.#lines[this.#written++]?.text ?? "";
    if (said) await new Promise((resolve) => this.terminal.write(said, () => resolve(undefined)));
  }

  /** When something happens next. */
  next() {
    return this.#lines?.[this.#written]?.atMs ?? this.index.duration_ms;
  }
}
