/** What every guest uses now: a tick names only guests whose numbers changed, and listeners get all of that host. */

/** @typedef {(number | null)[]} Sample */
/** @typedef {{h?: number, full?: boolean, more?: boolean, vms?: Record<string, Sample>, [key: string]: any}} Tick */

/** Guests that run, by the number that the socket gives to their host. @type {Map<number, Map<string, Sample>>} */
const hosts = new Map();

/**
 * Complete a tick by what did not change. A guest that went off is told once.
 * @param {Tick} tick
 * @returns {Record<string, Sample>}
 */
export function completed(tick) {
  const { h = 0, vms = {} } = tick;
  const known = (!tick.full && hosts.get(h)) || new Map();
  hosts.set(h, known);
  for (const [id, sample] of Object.entries(vms)) known.set(id, sample);
  const all = tick.more ? vms : Object.fromEntries(known);
  for (const [id, sample] of Object.entries(vms)) if (sample.every((value) => value == null)) known.delete(id);
  return all;
}

/** A guest is gone. @param {string} id */
export function dropLatest(id) {
  for (const known of hosts.values()) known.delete(id);
}

/** A new socket counts hosts anew, and tells everything anew. */
export function forgetLatest() {
  hosts.clear();
}
