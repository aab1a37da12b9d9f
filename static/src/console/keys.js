/** Keys that a browser keeps for itself, and keys that stay down: sent from the menu instead. */

/** @typedef {import("@novnc/novnc").default} Rfb */
/** @typedef {[keysym: number, code: string]} Key */

/** @type {Record<string, Key>} */
const KEYS = {
  ctrl: [0xffe3, "ControlLeft"],
  alt: [0xffe9, "AltLeft"],
  super: [0xffeb, "MetaLeft"],
  del: [0xffff, "Delete"],
  tab: [0xff09, "Tab"],
  print: [0xff61, "PrintScreen"],
};
for (let number = 1; number <= 12; number++) KEYS[`f${number}`] = [0xffbd + number, `F${number}`];

/**
 * Press keys one after the other and let go in reverse: "ctrl alt del".
 * @param {Rfb} rfb
 * @param {string} combination
 */
export function press(rfb, combination) {
  const keys = combination.split(" ").map((name) => KEYS[name]).filter((key) => key !== undefined);
  for (const [keysym, code] of keys) rfb.sendKey(keysym, code, true);
  for (const [keysym, code] of [...keys].reverse()) rfb.sendKey(keysym, code, false);
}

/** Modifiers that stay down until they are let go. */
export class Held {
  /** @type {Set<string>} */
  #names = new Set();

  /** @param {string} name */
  has(name) {
    return this.#names.has(name);
  }

  /** Put a key down, or let it go. @param {Rfb} rfb @param {string} name */
  toggle(rfb, name) {
    const [keysym, code] = KEYS[name] ?? [0, ""];
    const isDown = !this.#names.has(name);
    rfb.sendKey(keysym, code, isDown);
    if (isDown) this.#names.add(name);
    else this.#names.delete(name);
  }

  /** The connection has ended, and with it every key is up. */
  forget() {
    this.#names.clear();
  }
}

/** In full screen the browser may hand over Alt+Tab, Escape and the like, where it can. */
export async function captureKeyboard() {
  const keyboard = /** @type {{lock?: () => Promise<void>} | undefined} */ (Reflect.get(navigator, "keyboard"));
  if (!keyboard?.lock) return false;
  return keyboard.lock().then(
    () => true,
    () => false,
  );
}

/** Give the keyboard back. */
export function releaseKeyboard() {
  const keyboard = /** @type {{unlock?: () => void} | undefined} */ (Reflect.get(navigator, "keyboard"));
  keyboard?.unlock?.();
}
