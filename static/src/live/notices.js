/** The bell: refreshed when there is a notice; a new one is told in a toast, unless the jobs indicator tells it. */
import { byId } from "../lib/dom.js";
import { toast } from "../ui/toast.js";
import { refreshPart, soon } from "./part.js";
import { on } from "./socket.js";

const GATHER_MS = 200;

/** @param {ParentNode | null} root @returns {Map<string, string>} ids and sentences of what is not read yet */
function fresh(root) {
  const lines = /** @type {NodeListOf<HTMLElement>} */ (root?.querySelectorAll("[data-notice][data-new='1']:not([data-kind='job-failed'])") ?? []);
  return new Map([...lines].map((line) => [line.dataset.notice ?? "", line.dataset.text ?? ""]));
}

async function refresh() {
  const before = fresh(byId("notices"));
  const merged = await refreshPart("notices", document.body.dataset.noticesUrl);
  for (const [id, sentence] of fresh(merged)) if (!before.has(id)) toast(sentence, "warning");
}

/** Follow the notices. */
export function startNotices() {
  const later = soon(refresh, GATHER_MS);
  on("notices", later);
  on("connected", (message) => message.isAgain && later());
  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt } = /** @type {CustomEvent} */ (event).detail;
    if (elt instanceof HTMLElement && elt.matches("[data-notices-form]")) refresh();
  });
}
