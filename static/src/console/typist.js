/** Types strokes into a guest by key events, at a pace that it keeps up with. */

/** @typedef {import("./strokes.js").Stroke} Stroke */
/** @typedef {{sendKey: (keysym: number, code: string, down: boolean) => void}} Keyboard */

/** Milliseconds between two events of a key; a character is two to eight of them. */
export const PACES = /** @type {Record<string, number>} */ ({ fast: 6, normal: 14, slow: 50 });

/** @type {[number, string]} */
const SHIFT = [0xffe1, "ShiftLeft"];
/** @type {[number, string]} */
const ALTGR = [0xfe03, "AltRight"];
/** @type {Record<string, number>} */
const NAMED = { "\n": 0xff0d, "\t": 0xff09 };

/** The keysym of a character; guests go by the key, and only lock keys are told from this. @param {string} char */
function keysym(char) {
  const point = char.codePointAt(0) ?? 0;
  return NAMED[char] ?? (point < 0x100 ? point : 0x01000000 + point);
}

/** @param {Stroke} stroke @returns {[number, string, boolean][]} */
function events({ code, shift, altgr, char }) {
  /** @type {[number, string][]} */
  const keys = [[keysym([...char].length === 1 ? char : char.slice(1)), code]];
  if (altgr) keys.unshift(ALTGR);
  if (shift) keys.unshift(SHIFT);
  /** @param {boolean} isDown @returns {(key: [number, string]) => [number, string, boolean]} */
  const as = (isDown) => ([symbol, name]) => [symbol, name, isDown];
  return [...keys.map(as(true)), ...[...keys].reverse().map(as(false))];
}

/** @param {number} ms @param {AbortSignal} signal */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve(undefined)), { once: true });
  });
}

/**
 * Type characters one after the other; no key stays down when it is stopped.
 * @param {Keyboard} keyboard
 * @param {Stroke[][]} characters
 * @param {{pauseMs: number, signal: AbortSignal, progress: (done: number) => void}} options
 * @returns {Promise<number>} how many characters were typed
 */
export async function type(keyboard, characters, { pauseMs, signal, progress }) {
  let done = 0;
  for (const strokes of characters) {
    for (const stroke of strokes) {
      for (const [symbol, code, isDown] of events(stroke)) {
        keyboard.sendKey(symbol, code, isDown);
        if (!signal.aborted) await pause(pauseMs, signal);
      }
    }
    progress(++done);
    if (signal.aborted) break;
  }
  return done;
}
