/** Every keyboard types every printable ASCII character, or says which it cannot. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LAYOUTS } from "../../static/src/console/layouts/index.js";
import { missing, strokesOf, tableOf, tidy } from "../../static/src/console/strokes.js";

const ASCII = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join("");

for (const [id, layout] of Object.entries(LAYOUTS)) {
  const table = tableOf(layout);

  test(`${id} types every printable ASCII character`, () => {
    assert.equal(layout.id, id);
    assert.deepEqual(missing(table, `${ASCII}\n\t`), []);
  });

  test(`${id} makes no character with a key that is not there, and no two with one stroke`, () => {
    const made = new Map();
    for (const [char, strokes] of table) {
      assert.ok(strokes.every((stroke) => stroke.code));
      const key = strokes.map(({ code, shift, altgr }) => `${code} ${shift} ${altgr}`).join(" + ");
      assert.ok(!made.has(key), `${key} makes ${made.get(key)} and ${char}`);
      made.set(key, char);
    }
  });

  test(`${id} has as many keys in each row as a keyboard`, () => {
    const most = { E: 14, D: 12, C: 12, B: 12 };
    const fewest = { E: 13, D: 12, C: 12, B: 11 };
    for (const [row, levels] of Object.entries(layout.rows)) {
      assert.ok(levels.length >= 2 && levels.length <= 4);
      for (const level of levels) assert.ok(level.split(" ").length <= most[row], `${id} ${row}: ${level}`);
      for (const level of levels.slice(0, 2)) assert.ok(level.split(" ").length >= fewest[row], `${id} ${row}: ${level}`);
      for (const made of levels.join(" ").split(" ")) assert.match(made, /^(--|d.|.)$/u);
    }
  });
}

const strokes = (id, text) => strokesOf(tableOf(LAYOUTS[id]), text).flat().map(({ code, shift, altgr }) => (shift ? "Shift+" : "") + (altgr ? "AltGr+" : "") + code);

test("the German keyboard has Z where the American has Y", () => {
  assert.deepEqual(strokes("us", "yZ"), ["KeyY", "Shift+KeyZ"]);
  assert.deepEqual(strokes("de", "yZ"), ["KeyZ", "Shift+KeyY"]);
});

test("signs on a third level are typed with AltGr", () => {
  assert.deepEqual(strokes("de", "{@\\|"), ["AltGr+Digit7", "AltGr+KeyQ", "AltGr+Minus", "AltGr+IntlBackslash"]);
  assert.deepEqual(strokes("it", "{"), ["Shift+AltGr+BracketLeft"]);
});

test("a dead key is followed by a space for its own sign, and by a letter for an accent", () => {
  assert.deepEqual(strokes("de", "^"), ["Backquote", "Space"]);
  assert.deepEqual(strokes("de", "é"), ["Equal", "KeyE"]);
  assert.deepEqual(strokes("es", "Ü"), ["Shift+Quote", "Shift+KeyU"]);
  assert.deepEqual(strokes("br", "ã"), ["Quote", "KeyA"]);
});

test("a key that makes an accented letter is preferred to a dead key", () => {
  assert.deepEqual(strokes("fr", "é"), ["Digit2"]);
  assert.deepEqual(strokes("it", "è"), ["BracketLeft"]);
});

test("what a keyboard cannot make is named once, in its order", () => {
  assert.deepEqual(missing(tableOf(LAYOUTS.us), "ä漢a漢€"), ["ä", "漢", "€"]);
  assert.deepEqual(missing(tableOf(LAYOUTS.de), "ä€\u0007"), ["\u0007"]);
  assert.deepEqual(strokes("us", "aäb"), ["KeyA", "KeyB"]);
});

test("line ends are one key, and a letter with a separate accent is one letter", () => {
  assert.equal(tidy("a\r\nb\rc\n"), "a\nb\nc\n");
  assert.deepEqual(strokes("de", "a\u0308\r\n"), ["Quote", "Enter"]);
});
