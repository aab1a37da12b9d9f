/** Why a console went away, as far as anybody can say: from the end of its websocket, and what the host says of the guest. Pure. */

/** What the host says of a guest's state, as libvirt words it. @type {Record<string, string>} */
const OF_GUEST = {
  "running booted": "whyRestarted",
  "running from-snapshot": "whyReverted",
  "running restored": "whyWoken",
  "running migrated": "whyMigrated",
  "running crashed": "whyCrashed",
  "paused from-snapshot": "whyReverted",
  "off from-snapshot": "whyRevertedOff",
  "off ": "whyOff",
  "off destroyed": "whyPoweredOff",
  "off shutdown": "whyShutDown",
  "off crashed": "whyCrashed",
  "off failed": "whyCrashed",
  "off saved": "whySaved",
  "off migrated": "whyMigrated",
  "unknown ": "whyNoScreen", // a visitor by a link is told nothing of the guest
};
/** Close codes of a server that stops, and of a connection that breaks without a word. */
const STOPPING = new Set([1001, 1012]);
const BROKEN = 1006;

/**
 * The key of a sentence; "" where nothing needs one.
 * @param {{code: number, isOnline: boolean, isOtherServer: boolean, guest: {state: string, reason: string}}} seen
 */
export function why({ code, isOnline, isOtherServer, guest }) {
  if (code === 4410) return OF_GUEST[`${guest.state} ${guest.reason}`] ?? (guest.state === "off" ? "whyPoweredOff" : "whyRestarted");
  if (code === 4503) return "whyHost";
  if (code === 4423) return "whyAlone";
  if (STOPPING.has(code) || isOtherServer) return "whyServer";
  if (code === BROKEN) return isOnline ? "whyLost" : "whyOffline";
  return "";
}
