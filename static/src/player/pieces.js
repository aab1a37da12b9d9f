/** Pieces of a recording's file, fetched by byte range. */
import { ask } from "../lib/dom.js";

/**
 * @param {string} url
 * @param {number} from
 * @param {number} to the first byte that is not wanted
 */
export async function fetchPiece(url, from, to) {
  const headers = { Range: `bytes=${from}-${to - 1}` };
  const answer = await fetch(url, { credentials: "same-origin", headers });
  if (!answer.ok) throw new Error(`piece: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** @typedef {{kind: string, width: number, height: number, duration_ms: number, size_bytes: number, keys: [number, number][], file_url: string}} Index */

/** Say that it is replayed now; the answer tells what is in the file and where it is. @param {string} url @returns {Promise<Index>} */
export async function fetchIndex(url) {
  const answer = await ask(url, { method: "POST" });
  if (!answer.ok) throw new Error(`index: ${answer.status}`);
  return answer.json();
}

/** Unpack what zlib packed. @param {Uint8Array<ArrayBuffer>} packed */
export async function inflate(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
