/** The page of a link: opens it with the secret in its address, then shows one console. */
import { startCompany } from "./console/company.js";
import { openScreen } from "./console/screen.js";
import { Session } from "./console/session.js";
import { startTools } from "./console/tools.js";
import { ask, byId } from "./lib/dom.js";
import { text } from "./lib/texts.js";
import { startMenus } from "./ui/menu.js";

/** @typedef {{name: string, kind: string, device: string, mode: string, source: string, ticket_url: string}} Opened */

const RETRY_MS = 5000;
const AGAIN_AFTER_MS = 10_000;
const root = /** @type {HTMLElement} */ (byId("console"));
const form = /** @type {HTMLFormElement} */ (byId("join-form"));
const field = /** @type {HTMLInputElement} */ (byId("join-passphrase"));

/** @param {string} id @param {string} words */
function write(id, words) {
  const element = byId(id);
  if (element) element.textContent = words;
}

/** @param {boolean} isAsked */
function askPassphrase(isAsked) {
  for (const id of ["join-ask", "join-go"]) byId(id)?.toggleAttribute("hidden", !isAsked);
  if (isAsked) field.focus();
}

async function enter() {
  const body = new URLSearchParams({ secret: location.hash.slice(1), passphrase: field.value });
  const go = byId("join-go");
  go?.classList.add("is-busy");
  const answer = await ask(byId("join")?.dataset.url ?? "", { method: "POST", body }).catch(() => null);
  go?.classList.remove("is-busy");
  if (answer?.ok) return show(await answer.json());
  if (!answer) {
    write("join-title", text("joinOffline"));
    return void setTimeout(enter, RETRY_MS);
  }
  const isJson = answer.headers.get("Content-Type")?.includes("json");
  const { code = "", detail = text("failed") } = isJson ? await answer.json() : {};
  const asks = code.startsWith("link-passphrase");
  write("join-title", text(asks ? "joinAsk" : "joinNot"));
  write("join-text", asks ? text("joinAskText") : detail);
  write("join-wrong", code === "link-passphrase-wrong" ? detail : "");
  field.setAttribute("aria-invalid", String(code === "link-passphrase-wrong"));
  askPassphrase(asks);
}

/** @param {Opened} opened */
function show(opened) {
  const { source } = opened;
  // The page may connect to a gateway only when it was fetched on a visit that uses it.
  if (source && !byId("join")?.dataset.sources?.split(" ").includes(source)) return location.reload();
  showConsole(opened);
}

/** @param {Opened} opened */
function showConsole({ name, kind, device, mode, ticket_url: ticketUrl }) {
  const isSerial = kind === "serial";
  byId("join")?.remove();
  root.hidden = false;
  root.dataset.name = name;
  write("join-name", name);
  document.title = `${name} · kvmweb`;
  byId("screen")?.classList.toggle("is-serial", isSerial);
  const place = byId("screen-canvas");
  if (place) place.className = isSerial ? "screen-terminal" : "screen-canvas";
  /** @type {import("./console/ticket.js").Wanted} */
  const wanted = { kind: isSerial ? "serial" : "vnc", mode: mode === "control" ? "control" : "view", device, claims: "1" };
  const load = async () => (isSerial ? (await import("./console/terminal.js")).openTerminal : openScreen);
  /** @type {import("./console/session.js").Page} */
  const page = { load, changed, heard: (...news) => company.heard(...news), reread: async () => undefined };
  const session = new Session(/** @type {HTMLElement} */ (byId("screen")), { ticketUrl, name, wanted }, page);
  const tools = startTools({ root, current: () => session });
  const company = startCompany({ root, current: () => session, recorded: () => undefined });
  function changed() {
    write("console-status", session.status);
    // Asked anew with each change: it may have ended while the connection was lost.
    byId("recorded")?.toggleAttribute("hidden", !session.talk.seats?.recorded);
    tools?.changed();
    company?.show();
  }
  session.connect();
  // Nobody tells this page that the guest was started: it looks.
  setInterval(() => session.isAsleep && session.connect(), AGAIN_AFTER_MS);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  enter();
});
addEventListener("hashchange", () => location.reload());
startMenus();
enter();
