/** Control among consoles: what comes back, what does not, and that two windows never fight for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Talk } from "../../static/src/console/talk.js";

// Node has it from version 22 on.
globalThis.WebSocket ??= /** @type {any} */ (class { static OPEN = 1; });

/** A websocket that keeps what is sent. */
class Wire {
  readyState = WebSocket.OPEN;
  sent = [];
  addEventListener(_kind, heard) {
    this.heard = heard;
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  told(seats) {
    this.heard({ data: JSON.stringify(seats), stopImmediatePropagation() {} });
  }
  /** The wishes since the last time. */
  wishes() {
    return this.sent.splice(0).map(({ t }) => t);
  }
}

const sitter = (id, more = {}) => ({ id, name: "", kind: "vnc", device: 0, control: false, can: true, asks: false, guest: false, mine: false, ...more });
const seats = (me, people, may = true) => ({
  t: "seats", me, people, alone: false, recorded: false, ask_s: 30, ends: null,
  control: people.some((each) => each.id === me && each.control),
  may: { control: may, take: may, alone: may },
});
const mine = (id, control = false) => sitter(id, { control, mine: true });
const other = (id, control = false) => sitter(id, { control });

/** A page that is at the screen. */
function opened() {
  const talk = new Talk({ kind: "vnc", mode: "control", device: "0", claims: "1" }, () => {});
  const wire = new Wire();
  talk.begin(wire);
  return { talk, wire };
}

test("who opens a second window takes his control along, once", () => {
  const { wire } = opened();
  wire.told(seats("b", [mine("a", true), mine("b")]));
  assert.deepEqual(wire.wishes(), ["claim"]);
  wire.told(seats("b", [mine("a", true), mine("b")]));
  assert.deepEqual(wire.wishes(), []);
});

test("nothing is claimed by who may only watch, nor from somebody else", () => {
  const watching = opened();
  watching.wire.told(seats("b", [mine("a", true), mine("b")], false));
  assert.deepEqual(watching.wire.wishes(), []);
  const second = opened();
  second.wire.told(seats("b", [other("a", true), mine("b")]));
  assert.deepEqual(second.wire.wishes(), []);
});

test("control comes back when the window that took it is closed", () => {
  const { wire } = opened();
  wire.told(seats("a", [mine("a", true)]));
  wire.told(seats("a", [mine("a"), mine("b", true)]));
  assert.deepEqual(wire.wishes(), []);
  wire.told(seats("a", [mine("a")]));
  assert.deepEqual(wire.wishes(), ["claim"]);
});

test("control that another window lets go on purpose does not come back", () => {
  const { wire } = opened();
  wire.told(seats("a", [mine("a", true)]));
  wire.told(seats("a", [mine("a"), mine("b", true)]));
  wire.told(seats("a", [mine("a"), mine("b")]));
  wire.told(seats("a", [mine("a")]));
  assert.deepEqual(wire.wishes(), []);
});

test("control follows through a third window", () => {
  const { wire } = opened();
  wire.told(seats("a", [mine("a", true)]));
  wire.told(seats("a", [mine("a"), mine("b", true)]));
  wire.told(seats("a", [mine("a"), mine("b"), mine("c", true)]));
  wire.told(seats("a", [mine("a"), mine("b")]));
  assert.deepEqual(wire.wishes(), ["claim"]);
});

test("control that somebody else got does not come back", () => {
  const { talk, wire } = opened();
  wire.told(seats("a", [mine("a", true)]));
  wire.told(seats("a", [mine("a"), mine("b", true)]));
  wire.told(seats("a", [mine("a"), mine("b"), other("x", true)]));
  wire.told(seats("a", [mine("a"), mine("b")]));
  talk.fetch();
  assert.deepEqual(wire.wishes(), []);
});

test("who let control go is not given it again by his own page", () => {
  for (const wish of ["release", "give"]) {
    const { talk, wire } = opened();
    wire.told(seats("a", [mine("a", true)]));
    talk.wish(wish);
    wire.wishes();
    wire.told(seats("a", [mine("a")]));
    talk.fetch();
    assert.deepEqual(wire.wishes(), [], wish);
  }
});

test("a wish of long ago explains no later loss", () => {
  const { talk, wire } = opened();
  wire.told(seats("a", [mine("a", true)]));
  talk.wish("release");
  wire.told(seats("a", [mine("a"), other("x", true)]));
  wire.told(seats("a", [mine("a", true), other("x")])); // x gave it back
  wire.told(seats("a", [mine("a"), mine("b", true), other("x")]));
  wire.wishes();
  wire.told(seats("a", [mine("a"), other("x")])); // b was closed
  assert.deepEqual(wire.wishes(), ["claim"]);
});

test("whoever works in a window whose control is lent gets it back by that", () => {
  const { talk, wire } = opened();
  wire.told(seats("a", [mine("a", true)]));
  talk.fetch();
  assert.deepEqual(wire.wishes(), []);
  wire.told(seats("a", [mine("a"), mine("b", true)]));
  talk.fetch();
  assert.deepEqual(wire.wishes(), ["claim"]);
});

test("control comes back after a broken connection whose seat the server keeps for a while", () => {
  const { talk, wire } = opened();
  wire.told(seats("a", [mine("a", true)]));
  talk.end();
  const again = new Wire();
  talk.begin(again);
  again.told(seats("a2", [mine("a", true), mine("a2")]));
  assert.deepEqual(again.wishes(), []);
  again.told(seats("a2", [mine("a2")]));
  assert.deepEqual(again.wishes(), ["claim"]);
});

test("the first word of a new connection takes nothing from a window that is still coming back", () => {
  const { talk, wire } = opened();
  wire.told(seats("a", [mine("a", true)]));
  wire.told(seats("a", [mine("a"), mine("b", true)]));
  talk.end();
  const again = new Wire();
  talk.begin(again);
  again.told(seats("a2", [mine("a2")]));
  assert.deepEqual(again.wishes(), []);
});

test("a socket of before is not heard any more", () => {
  const { talk, wire } = opened();
  wire.told(seats("a", [mine("a", true)]));
  talk.end();
  wire.told(seats("a", [mine("a"), mine("b", true)]));
  assert.equal(talk.seats, null);
  talk.wish("claim");
  assert.deepEqual(wire.wishes(), []);
});

/** The server, as far as control goes: the state, and for each page the latest word not yet told. */
class Server {
  /** @type {{id: string, user: string, talk: Talk, wire: Wire, isNews: boolean}[]} */
  pages = [];
  holder = "";
  claims = 0;

  enter(id, user) {
    const page = { id, user, ...opened(), isNews: false };
    this.pages.push(page);
    if (!this.holder) this.holder = id;
    this.changed();
  }
  leave(page) {
    this.pages.splice(this.pages.indexOf(page), 1);
    if (this.holder === page.id) this.holder = "";
    this.changed();
  }
  changed() {
    for (const page of this.pages) page.isNews = true;
  }
  tell(page) {
    page.isNews = false;
    const people = this.pages.map(({ id, user }) => sitter(id, { control: id === this.holder, mine: user === page.user }));
    page.wire.told(seats(page.id, people));
  }
  hear(page) {
    const wish = page.wire.sent.shift();
    const holder = this.pages.find(({ id }) => id === this.holder);
    if (wish?.t === "release" && holder === page) this.holder = "";
    if (wish?.t === "claim") {
      this.claims++;
      if (!holder || holder.user === page.user) this.holder = page.id;
    }
    if (wish) this.changed();
  }
}

/** Random numbers that are the same each time. @param {number} seed */
function dice(seed) {
  return (/** @type {number} */ sides) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * sides);
  };
}

test("windows of one person never fight: whatever happened, all is quiet after a few words", () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const server = new Server();
    const roll = dice(seed);
    const step = () => {
      const page = server.pages[roll(server.pages.length)];
      if (page && roll(2)) server.hear(page);
      else if (page?.isNews) server.tell(page);
    };
    for (let turn = 0; turn < 40; turn++) {
      const page = server.pages[roll(server.pages.length)];
      const act = roll(8);
      if (act === 0 && server.pages.length < 4) server.enter(`seat${turn}`, roll(4) ? "alice" : "bob");
      else if (act === 1 && page) server.leave(page);
      else if (act === 2 && page) page.talk.fetch();
      else if (act === 3 && page?.talk.seats?.control) page.talk.wish("release");
      else step();
    }
    server.claims = 0;
    let words = 0;
    while (server.pages.some((page) => page.isNews || page.wire.sent.length)) {
      step();
      assert.ok(++words < 2000, `seed ${seed}: they go on for ever`);
    }
    const most = 3 * server.pages.length;
    assert.ok(server.claims <= most, `seed ${seed}: ${server.claims} claims of ${server.pages.length} windows`);
  }
});
