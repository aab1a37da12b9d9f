import assert from "node:assert/strict";
import { test } from "node:test";
import { why } from "../../static/src/console/why.js";

const running = { state: "running", reason: "booted" };
const seen = { code: 1006, isOnline: true, isOtherServer: false, guest: running };

test("a guest that went away says how", () => {
  const of = (state, reason) => why({ ...seen, code: 4410, guest: { state, reason } });
  assert.equal(of("running", "booted"), "whyRestarted");
  assert.equal(of("running", "from-snapshot"), "whyReverted");
  assert.equal(of("off", "destroyed"), "whyPoweredOff");
  assert.equal(of("off", "shutdown"), "whyShutDown");
  assert.equal(of("off", "saved"), "whySaved");
  assert.equal(of("off", "crashed"), "whyCrashed");
  assert.equal(of("running", "a reason of tomorrow"), "whyRestarted");
  assert.equal(of("unknown", ""), "whyNoScreen");
});

test("a server that stops, one that was killed, a network that is gone are told apart", () => {
  assert.equal(why({ ...seen, code: 1012 }), "whyServer");
  assert.equal(why({ ...seen, isOtherServer: true }), "whyServer");
  assert.equal(why({ ...seen, isOnline: false }), "whyOffline");
  assert.equal(why(seen), "whyLost");
  assert.equal(why({ ...seen, code: 4503 }), "whyHost");
});

test("what one did oneself needs no word", () => {
  assert.equal(why({ ...seen, code: 1000 }), "");
  assert.equal(why({ ...seen, code: 4401 }), "");
});
