/** Recording from the console's bar: begins and ends on the server, which tells everybody here. */
import { ask, nearest } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { refresh } from "../live/regions.js";
import { toast } from "../ui/toast.js";

/** @param {HTMLElement} item */
async function act(item) {
  const { record = "", kind = "vnc", device = "0" } = item.dataset;
  const answer = await ask(record, { method: "POST", body: new URLSearchParams({ kind, device }) }).catch(() => null);
  if (!answer) toast(text("offline"), "error");
  else if (!answer.ok) toast((await answer.text()) || text("failed"), "error");
  refresh();
}

/** @param {HTMLElement} root */
export function startRecording(root) {
  root.addEventListener("click", (event) => {
    const item = nearest(event, "[data-record]");
    if (item) act(item);
  });
}
