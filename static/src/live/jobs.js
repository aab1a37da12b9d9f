/** The jobs indicator: refreshed when a job moves; a job that ended badly is told in a toast. */
import { byId } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { toast } from "../ui/toast.js";
import { refreshPart, soon } from "./part.js";
import { on } from "./socket.js";

const GATHER_MS = 150;

/** @param {ParentNode} root @returns {Map<string, DOMStringMap>} */
function states(root) {
  const jobs = /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-job]"));
  return new Map([...jobs].map((job) => [job.dataset.job ?? "", { ...job.dataset }]));
}

/** @param {Map<string, DOMStringMap>} before @param {Map<string, DOMStringMap>} after */
function tellEnds(before, after) {
  for (const [id, job] of after) {
    const isNews = before.get(id)?.open !== "0";
    if (!isNews || job.mine !== "1" || job.bad !== "1") continue;
    toast(text("jobOf", { job: job.title ?? "", name: job.target ?? "", text: job.text ?? "" }), "error");
  }
}

async function refresh() {
  const before = states(byId("jobs") ?? document);
  const merged = await refreshPart("jobs", document.body.dataset.jobsUrl);
  if (merged) tellEnds(before, states(merged));
}

/** Follow the jobs. */
export function startJobs() {
  const later = soon(refresh, GATHER_MS);
  on("job", later);
  on("connected", later);
  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt } = /** @type {CustomEvent} */ (event).detail;
    if (elt instanceof HTMLElement && elt.matches("[data-jobs-form]")) refresh();
  });
}
