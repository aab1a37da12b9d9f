/** What the page says of its guest now. */
import { byId } from "../lib/dom.js";

/** @returns {{state: string, label: string, isCreating: boolean, canControl: boolean, reason: string}} */
export function guestState() {
  const { state = "unknown", label = "", creating, control, reason = "" } = byId("console-head")?.dataset ?? {};
  return { state, label, isCreating: creating === "1", canControl: control === "1", reason };
}
