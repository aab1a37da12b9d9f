/** The console page: toolbar, keyboard and the guest's state around the screen. */
import { connect, guestState, screen, stateChanged } from "./console/session.js";
import { ask, byId } from "./lib/dom.js";
import { text } from "./lib/texts.js";
import { afterRefresh, refresh } from "./live/regions.js";
import { on } from "./live/socket.js";
import { announce, toast } from "./ui/toast.js";

const root = /** @type {HTMLElement} */ (byId("console"));
const id = root.dataset.guest ?? "";
let state = guestState().state;

/** @param {string} button @param {(element: HTMLElement) => void} act */
function onClick(button, act) {
  const element = byId(button);
  element?.addEventListener("click", () => act(element));
}

onClick("send-cad", () => {
  screen()?.sendCtrlAltDel();
  screen()?.focus();
});
onClick("reconnect", connect);
onClick("cover-again", connect);
onClick("scale", (button) => {
  const isFit = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(isFit));
  const rfb = screen();
  if (rfb) rfb.scaleViewport = isFit;
});
onClick("fullscreen", async () => {
  await root.requestFullscreen?.().catch(() => undefined);
  screen()?.focus();
});
onClick("cover-start", async (button) => {
  button.classList.add("is-busy");
  const answer = await ask(root.dataset.startUrl ?? "", { method: "POST" }).catch(() => null);
  button.classList.remove("is-busy");
  if (!answer) toast(text("offline"), "error");
  else if (!answer.ok) toast((await answer.text()) || text("failed"), "error");
  refresh();
});

// The one chord that the guest does not get: it gives the keyboard back to the page.
document.addEventListener(
  "keydown",
  (event) => {
    if (!(event.ctrlKey && event.altKey && event.shiftKey) || !screen()) return;
    screen()?.blur();
    byId("send-cad")?.focus();
    announce(text("released"));
  },
  true,
);

afterRefresh(() => {
  const now = guestState();
  if (now.state !== state) announce(text("nowState", { name: root.dataset.name ?? "", state: now.label }));
  state = now.state;
  stateChanged();
});
on("vm", (message) => message.id === id && refresh());
on("job", (message) => message.vm === id && refresh());
on("host", () => !screen() && connect());
on("connected", refresh);

stateChanged();
