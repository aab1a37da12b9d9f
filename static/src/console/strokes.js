/** From a text to the keys that make it, on a given keyboard. Pure. */

/**
 * A keyboard as in layouts/: for each of four rows, the levels plain, Shift, AltGr and Shift+AltGr, each
 * a list of what its keys make from left to right. "--" makes nothing; "d^" is a dead key.
 * @typedef {{id: string, rows: {E: string[], D: string[], C: string[], B: string[]}}} Layout
 *
 * @typedef {{code: string, shift: boolean, altgr: boolean, char: string}} Stroke one key, with what is held
 * @typedef {Map<string, Stroke[]>} Table the strokes for each character
 */

/** Physical keys by their row, as browsers and keyboards name them (E is the row of digits). */
const CODES = {
  E: ["Backquote", ..."1234567890".split("").map((digit) => `Digit${digit}`), "Minus", "Equal", "IntlYen"],
  D: [..."QWERTYUIOP".split("").map((letter) => `Key${letter}`), "BracketLeft", "BracketRight"],
  C: [..."ASDFGHJKL".split("").map((letter) => `Key${letter}`), "Semicolon", "Quote", "Backslash"],
  B: ["IntlBackslash", ..."ZXCVBNM".split("").map((letter) => `Key${letter}`), "Comma", "Period", "Slash", "IntlRo"],
};
const LEVELS = [
  { shift: false, altgr: false },
  { shift: true, altgr: false },
  { shift: false, altgr: true },
  { shift: true, altgr: true },
];
/** What a dead key adds to the letter after it. */
const MARKS = new Map(Object.entries({ "^": "\u0302", "`": "\u0300", "´": "\u0301", "¨": "\u0308", "~": "\u0303", "°": "\u030a", "¸": "\u0327" }));
/** Dead keys that give their own sign before a space, whatever the guest's system is. */
const ALONE = new Set(["^", "`", "~"]);
const SPACE = { code: "Space", shift: false, altgr: false, char: " " };

/** @type {[string, Stroke[]][]} */
const EVERYWHERE = [
  [" ", [SPACE]],
  ["\n", [{ ...SPACE, code: "Enter", char: "\n" }]],
  ["\t", [{ ...SPACE, code: "Tab", char: "\t" }]],
];

/** @param {Layout} layout @returns {[string, Stroke][]} what each key makes, simplest level first */
function keysOf(layout) {
  return LEVELS.flatMap((held, level) =>
    Object.entries(layout.rows).flatMap(([row, levels]) =>
      (levels[level] ?? "").split(" ").flatMap((made, at) => {
        const code = CODES[/** @type {keyof typeof CODES} */ (row)][at];
        return code && made && made !== "--" ? [/** @type {[string, Stroke]} */ ([made, { code, ...held, char: made }])] : [];
      }),
    ),
  );
}

/**
 * Work out how to make every character that a layout can make.
 * @param {Layout} layout
 * @returns {Table}
 */
export function tableOf(layout) {
  /** @type {Table} */
  const table = new Map(EVERYWHERE);
  /** @type {[string, Stroke][]} */
  const dead = [];
  for (const [made, stroke] of keysOf(layout)) {
    if ([...made].length === 2) dead.push([made.slice(1), stroke]);
    else if (!table.has(made)) table.set(made, [stroke]);
  }
  const plain = [...table].filter(([char]) => /\p{L}/u.test(char));
  for (const [sign, stroke] of dead) {
    if (ALONE.has(sign) && !table.has(sign)) table.set(sign, [stroke, SPACE]);
    for (const [letter, strokes] of plain) {
      const char = (letter + (MARKS.get(sign) ?? "")).normalize("NFC");
      if ([...char].length === 1 && char !== letter && !table.has(char)) table.set(char, [stroke, ...strokes]);
    }
  }
  return table;
}

/** Line ends become one key, and letters one sign each. @param {string} text */
export function tidy(text) {
  return text.replace(/\r\n?/g, "\n").normalize("NFC");
}

/**
 * Characters of a text that the layout cannot make, each once, in their order.
 * @param {Table} table
 * @param {string} text
 */
export function missing(table, text) {
  return [...new Set(tidy(text))].filter((char) => !table.has(char));
}

/**
 * The strokes for each character of a text; what cannot be made is left out.
 * @param {Table} table
 * @param {string} text
 * @returns {Stroke[][]}
 */
export function strokesOf(table, text) {
  return [...tidy(text)].flatMap((char) => {
    const strokes = table.get(char);
    return strokes ? [strokes] : [];
  });
}
