/** The jobs indicator: refreshed when a job moves; a job that ended badly is told in a toast. */
import htmx from "htmx.org";
import { ask, byId, make, parse } from "../lib/dom.js";
import { morph } from "../lib/morph.js";
import { text } from "../lib/texts.js";
import { toast } from "../ui/toast.js";
import { on } from "./socket.js";

const GATHER_MS = 150;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

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
  const url = document.body.dataset.jobsUrl;
  const place = byId("jobs");
  if (!url || !place) return;
  const answer = await ask(url).catch(() => null);
  if (!answer?.ok) return;
  const fresh = parse(`<div id="jobs">${await answer.text()}</div>`).getElementById("jobs");
  if (!fresh) return;
  const before = states(place);
  morph(place, fresh);
  const merged = byId("jobs") ?? make("div");
  htmx.process(merged);
  tellEnds(before, states(merged));
}

/** Follow the jobs. */
export function startJobs() {
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, GATHER_MS);
  };
  on("job", soon);
  on("connected", soon);
  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt } = /** @type {CustomEvent} */ (event).detail;
    if (elt instanceof HTMLElement && elt.matches("[data-jobs-form]")) refresh();
  });
}
