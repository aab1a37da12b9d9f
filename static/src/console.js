/** The console page: the guest's screen and serial ports, each a session, and the bar around them. */
import { startCompany } from "./console/company.js";
import { showNotice } from "./console/cover.js";
import { startRecording } from "./console/record.js";
import { openScreen } from "./console/screen.js";
import { guestState } from "./console/guest.js";
import { Session } from "./console/session.js";
import { startTools } from "./console/tools.js";
import { ask, byId, nearest } from "./lib/dom.js";
import { text } from "./lib/texts.js";
import { afterRefresh, refresh, refreshed } from "./live/regions.js";
import { on } from "./live/socket.js";
import { announce, toast } from "./ui/toast.js";

/** @typedef {import("./console/ticket.js").Wanted} Wanted */

const root = /** @type {HTMLElement} */ (byId("console"));
const { guest: id = "", name = "", ticketUrl = "", startUrl = "" } = root.dataset;
let state = guestState().state;

/** The terminal is fetched only by those who want one. */
const loadTerminal = async () => (await import("./console/terminal.js")).openTerminal;
const loadScreen = async () => openScreen;

/** @param {import("./console/session.js").Page["load"]} load @returns {import("./console/session.js").Page} */
const page = (load) => ({ load, changed, heard: (...news) => company.heard(...news), reread: refreshed });

/** @type {Map<string, Session>} */
const sessions = new Map();
for (const panel of root.querySelectorAll("[data-panel]")) {
  if (!(panel instanceof HTMLElement)) continue;
  const { panel: key = "", kind, device = "0" } = panel.dataset;
  const mode = guestState().canControl ? "control" : "view";
  /** @type {Wanted} */
  const wanted = { kind: kind === "serial" ? "serial" : "vnc", mode, device, claims: "1" };
  const load = kind === "serial" ? loadTerminal : loadScreen;
  sessions.set(key, new Session(panel, { ticketUrl, name, wanted }, page(load)));
}

/** The session that is looked at. */
let [current] = sessions.values();

/** @param {string} key */
function show(key) {
  const session = sessions.get(key);
  if (!session) return;
  current = session;
  for (const each of sessions.values()) each.panel.hidden = each !== session;
  for (const button of root.querySelectorAll("[data-show]")) {
    button.setAttribute("aria-pressed", String(button instanceof HTMLElement && button.dataset.show === key));
  }
  history.replaceState(history.state, "", key === [...sessions.keys()][0] ? location.pathname : `#${key}`);
  changed();
  session.begin();
}

startRecording(root);
const tools = startTools({ root, current: () => current });
const company = startCompany({ root, current: () => current, recorded: refresh });

function changed() {
  const status = byId("console-status");
  const words = current?.status ?? "";
  if (status && status.textContent !== words) status.textContent = words;
  tools?.changed();
  company?.show();
}

/** Who may only watch gets that in the open console by itself; who may do more again has to connect anew. */
function rightsChanged() {
  const mode = guestState().canControl ? "control" : "view";
  for (const session of sessions.values()) {
    const isMore = mode === "control" && session.address.wanted.mode === "view";
    session.address.wanted.mode = mode;
    if (isMore && session.seat) session.connect();
  }
}

root.addEventListener("click", (event) => {
  const button = nearest(event, "[data-show]");
  if (button) show(button.dataset.show ?? "");
  if (nearest(event, '[data-part="again"]')) current?.connect();
  const start = nearest(event, '[data-part="start"]');
  if (start) order(start, startUrl);
  const openUp = nearest(event, '[data-part="openup"]');
  if (openUp) order(openUp, root.dataset.openUpUrl ?? "").then(() => current?.connect());
});

/** Let the server do what a button says. @param {HTMLElement} button @param {string} url */
async function order(button, url) {
  button.classList.add("is-busy");
  const answer = await ask(url, { method: "POST" }).catch(() => null);
  button.classList.remove("is-busy");
  if (!answer) toast(text("offline"), "error");
  else if (!answer.ok) toast((await answer.text()) || text("failed"), "error");
  refresh();
}

function stateChanged() {
  showNotice(guestState().state === "paused" ? text("paused") : "");
  for (const session of sessions.values()) session.stateChanged();
}

afterRefresh(() => {
  const now = guestState();
  if (now.state !== state) announce(text("nowState", { name, state: now.label }));
  state = now.state;
  rightsChanged();
  stateChanged();
});
on("vm", (message) => message.id === id && refresh());
on("job", (message) => message.vm === id && refresh());
on("consoles", (message) => message.id === id && current?.isKeptOut && current.connect());
on("host", () => current && !current.seat && current.connect());
on("connected", refresh);

/** Show what the address names, or the first. */
function showNamed() {
  const named = location.hash.slice(1);
  show(sessions.has(named) ? named : ([...sessions.keys()][0] ?? ""));
}

addEventListener("hashchange", showNamed);
showNamed();
stateChanged();
