/** The pages of one guest: head, screen, numbers and devices follow the host. */
import { byId } from "./lib/dom.js";
import { text } from "./lib/texts.js";
import { paint, remember, rememberAll } from "./live/numbers.js";
import { afterRefresh, refresh } from "./live/regions.js";
import { startShots, takeShots } from "./live/shots.js";
import { on, watch } from "./live/socket.js";
import { announce, toast } from "./ui/toast.js";

const id = byId("guest")?.dataset.guest ?? "";
const name = byId("guest")?.dataset.name ?? "";
let state = byId("guest-head")?.dataset.state;

function paintNow() {
  const panel = byId("guest-numbers");
  if (panel) requestAnimationFrame(() => paint(panel));
}

/** @returns {Element[]} */
function screens() {
  const place = byId("guest-screen");
  return place ? [place] : [];
}

afterRefresh(() => {
  const { state: now, label = "" } = byId("guest-head")?.dataset ?? {};
  if (now !== state) announce(text("nowState", { name, state: label }));
  state = now;
  paintNow();
  takeShots(screens());
});
on("vm", (message) => message.id === id && refresh());
on("job", (message) => message.vm === id && refresh());
on("consoles", (message) => message.id === id && byId("guest-recordings") && refresh());
on("gone", (message) => message.id === id && toast(text("guestGone", { name }), "error"));
on("connected", (message) => message.isAgain || refresh());
on("numbers", (message) => {
  if (!message.vms[id]) return;
  remember(id, message.vms[id]);
  if (!document.hidden) paintNow();
});
on("history", (message) => {
  if (!message.vms[id]) return;
  rememberAll(id, message.vms[id]);
  paintNow();
});
if (byId("guest-numbers")) watch([id]);
paintNow();
startShots(screens);
