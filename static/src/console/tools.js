/** The bar of the console: keys, what is shown and how, watching only, full screen, own window. */
import { byId, nearest } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { announce, toast } from "../ui/toast.js";
import { startClipboard } from "./clipboard.js";
import { captureKeyboard, Held, press, releaseKeyboard } from "./keys.js";
import { startPaste } from "./paste.js";
import { canCopyPictures, copyPicture, savePicture } from "./picture.js";
import { applyLook, look } from "./screen.js";
import { startTouch } from "./touch.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("@novnc/novnc").default} Rfb */

/** @param {{root: HTMLElement, current: () => Session | undefined}} page */
export function startTools({ root, current }) {
  const held = new Held();
  const name = root.dataset.name ?? "";
  /** The screen that is looked at. */
  const screen = () => current()?.seat?.rfb ?? null;
  const paste = startPaste(() => (current()?.hasControl ? screen() : null));
  const clipboard = startClipboard(screen);
  startTouch(screen);
  /** @type {Rfb | null} */
  let last = null;

  /** @param {string} button @param {(element: HTMLElement) => void} act */
  function onClick(button, act) {
    const element = byId(button);
    element?.addEventListener("click", () => act(element));
  }

  /** @param {(rfb: Rfb) => void} act */
  function withScreen(act) {
    const rfb = screen();
    if (rfb) act(rfb);
    rfb?.focus();
  }

  onClick("reconnect", () => current()?.connect());
  onClick("paste-open", () => paste.open());
  onClick("pop-out", () => {
    // The id names the window, so that a second click finds it; names may hold any sign.
    const own = window.open(location.href, `kvmweb-${root.dataset.guest}`, "popup,width=1060,height=860");
    if (own) own.focus();
    else toast(text("popupBlocked"), "warning");
  });
  onClick("fullscreen", async () => {
    if (document.fullscreenElement) return document.exitFullscreen();
    await root.requestFullscreen?.().catch(() => undefined);
    if (document.fullscreenElement && (await captureKeyboard())) toast(text("captured"));
    current()?.seat?.focus();
  });
  onClick("save-picture", () => withScreen((rfb) => savePicture(rfb, name).catch(() => toast(text("failed"), "error"))));
  onClick("copy-picture", () =>
    withScreen((rfb) => {
      copyPicture(rfb).then(
        () => toast(text("copied")),
        () => toast(text("pictureNotCopied"), "error"),
      );
    }),
  );

  document.addEventListener("fullscreenchange", () => {
    const isFull = document.fullscreenElement === root;
    byId("fullscreen")?.setAttribute("aria-pressed", String(isFull));
    if (!isFull) releaseKeyboard();
  });

  root.addEventListener("click", (event) => {
    const item = nearest(event, "[data-keys], [data-hold], [data-scale], [data-compression]");
    if (!item || item.getAttribute("aria-disabled") === "true") return;
    const { keys, hold, scale, compression } = item.dataset;
    if (scale) look.scale = scale;
    if (compression) look.compression = Number(compression);
    withScreen((rfb) => {
      if (keys) press(rfb, keys);
      if (hold) held.toggle(rfb, hold);
      if (scale || compression) applyLook(rfb);
    });
    changed();
  });

  // The one chord that the guest does not get: it gives the keyboard back to the page.
  document.addEventListener(
    "keydown",
    (event) => {
      const seat = current()?.seat;
      if (!(event.ctrlKey && event.altKey && event.shiftKey) || !seat) return;
      seat.blur();
      byId("keys")?.focus();
      announce(text("released"));
    },
    true,
  );

  /** @param {string} selector @param {(item: HTMLElement) => boolean} isOn */
  function check(selector, isOn) {
    for (const item of root.querySelectorAll(selector)) {
      if (item instanceof HTMLElement) item.setAttribute("aria-checked", String(isOn(item)));
    }
  }

  function changed() {
    const rfb = screen();
    if (rfb !== last) held.forget();
    clipboard.watch(rfb);
    last = rfb;
    const hasControl = Boolean(current()?.hasControl);
    for (const item of root.querySelectorAll("[data-needs]")) {
      const can = Boolean(rfb) && (item.getAttribute("data-needs") === "screen" || hasControl);
      if (item instanceof HTMLButtonElement) item.disabled = !can;
    }
    const copy = byId("copy-picture");
    if (copy) copy.hidden = !canCopyPictures();
    check("[data-hold]", (item) => held.has(item.dataset.hold ?? ""));
    check("[data-scale]", (item) => item.dataset.scale === look.scale);
    check("[data-compression]", (item) => Number(item.dataset.compression) === look.compression);
  }

  changed();
  return { changed };
}
