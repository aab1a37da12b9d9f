/** A recorded screen: pictures in RFB's own form, drawn on a canvas. docs/recordings.md tells the file. */
import { fetchPiece, inflate } from "./pieces.js";

/** @typedef {import("./pieces.js").Index} Index */
/** @typedef {{atMs: number, packed: Uint8Array<ArrayBuffer>}} Picture */

const HEAD_BYTES = 13;
const UPDATE_BYTES = 4;
const RECTANGLE_BYTES = 12;
const RAW = 0;
const DESKTOP_SIZE = -223;

/** @param {Uint8Array<ArrayBuffer>} piece @returns {Picture[]} */
export function picturesOf(piece) {
  const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
  const pictures = [];
  for (let at = 0; at + HEAD_BYTES <= piece.length; ) {
    const end = at + HEAD_BYTES + view.getUint32(at + 9);
    if (end > piece.length) break;
    pictures.push({ atMs: view.getUint32(at + 1), packed: piece.subarray(at + HEAD_BYTES, end) });
    at = end;
  }
  return pictures;
}

export class ScreenFilm {
  /** Pictures from one key to the next, by the number of the key. @type {Map<number, Promise<Picture[]>>} */
  #parts = new Map();
  #part = -1;
  /** How many pictures of the part are drawn. */
  #drawn = 0;
  #shownMs = -1;
  /** @type {Picture[]} */
  #pictures = [];

  /** @param {HTMLElement} place @param {Index} index @param {string} name */
  constructor(place, index, name) {
    this.index = index;
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", name);
    place.replaceChildren(this.canvas);
    this.pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
  }

  /** Show the screen as it was; going on is cheap, going back begins at the key before. @param {number} ms */
  async show(ms) {
    ms = Math.max(ms, this.index.keys[0]?.[0] ?? 0);
    const part = this.#keyBefore(ms);
    if (part !== this.#part || ms < this.#shownMs) {
      this.#pictures = await this.#load(part);
      this.#part = part;
      this.#drawn = 0;
      this.#load(part + 1);
    }
    this.#shownMs = ms;
    while ((this.#pictures[this.#drawn]?.atMs ?? Infinity) <= ms) {
      const picture = /** @type {Picture} */ (this.#pictures[this.#drawn++]);
      this.#draw(await inflate(picture.packed));
    }
  }

  /** When something happens next. @returns {number} */
  next() {
    return this.#pictures[this.#drawn]?.atMs ?? this.index.keys[this.#part + 1]?.[0] ?? this.index.duration_ms;
  }

  /** @param {number} ms */
  #keyBefore(ms) {
    const later = this.index.keys.findIndex(([at]) => at > ms);
    return Math.max(0, (later < 0 ? this.index.keys.length : later) - 1);
  }

  /** @param {number} part @returns {Promise<Picture[]>} */
  #load(part) {
    const from = this.index.keys[part]?.[1];
    if (from === undefined) return Promise.resolve([]);
    const to = this.index.keys[part + 1]?.[1] ?? this.index.size_bytes;
    for (const known of this.#parts.keys()) if (Math.abs(known - part) > 2) this.#parts.delete(known);
    const loading = this.#parts.get(part) ?? fetchPiece(this.index.file_url, from, to).then(picturesOf);
    this.#parts.set(part, loading);
    loading.catch(() => this.#parts.delete(part));
    return loading;
  }

  /** @param {Uint8Array<ArrayBuffer>} messages FramebufferUpdates one after the other */
  #draw(messages) {
    const view = new DataView(messages.buffer);
    for (let at = 0; at < messages.length; ) {
      const count = view.getUint16(at + 2);
      at += UPDATE_BYTES;
      for (let number = 0; number < count; number++) at = this.#rectangle(messages, view, at);
    }
  }

  /** @param {Uint8Array<ArrayBuffer>} messages @param {DataView} view @param {number} at */
  #rectangle(messages, view, at) {
    const [x, y, width, height] = [0, 2, 4, 6].map((offset) => view.getUint16(at + offset));
    const encoding = view.getInt32(at + 8);
    const begin = at + RECTANGLE_BYTES;
    if (encoding === DESKTOP_SIZE) {
      if (this.canvas.width !== width) this.canvas.width = Number(width);
      if (this.canvas.height !== height) this.canvas.height = Number(height);
      return begin;
    }
    if (encoding !== RAW) throw new Error(`encoding ${encoding}`);
    const bytes = Number(width) * Number(height) * 4;
    const pixels = new Uint8ClampedArray(messages.slice(begin, begin + bytes).buffer);
    for (let alpha = 3; alpha < bytes; alpha += 4) pixels[alpha] = 255;
    if (bytes) this.pen.putImageData(new ImageData(pixels, Number(width), Number(height)), Number(x), Number(y));
    return begin + bytes;
  }
}
