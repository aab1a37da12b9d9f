/** The clipboard that a guest shares: what it copied, and what it is given. Only where it has a channel for it. */
import { byId } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { toast } from "../ui/toast.js";

/** @typedef {import("@novnc/novnc").default} Rfb */

/** @param {() => Rfb | null} screen */
export function startClipboard(screen) {
  const dialog = byId("clipboard");
  const words = byId("clipboard-text");
  if (!(dialog instanceof HTMLDialogElement) || !(words instanceof HTMLTextAreaElement)) return { watch: () => undefined };
  /** @type {WeakSet<Rfb>} */
  const watched = new WeakSet();

  byId("clipboard-open")?.addEventListener("click", () => {
    dialog.showModal();
    words.focus();
  });
  byId("clipboard-close")?.addEventListener("click", () => dialog.close());
  byId("clipboard-send")?.addEventListener("click", () => {
    const rfb = screen();
    if (!rfb) return toast(text("pasteNoScreen"), "error");
    rfb.clipboardPasteFrom(words.value);
    toast(text("clipboardSent"));
    dialog.close();
    rfb.focus();
  });

  /** @param {string} copied */
  async function keep(copied) {
    if (words instanceof HTMLTextAreaElement) words.value = copied;
    const isOurs = await navigator.clipboard?.writeText(copied).then(
      () => true,
      () => false,
    );
    toast(text(isOurs ? "clipboardCopied" : "clipboardHere"));
  }

  return {
    /** Hear of what is copied there. @param {Rfb | null} rfb */
    watch(rfb) {
      if (!rfb || watched.has(rfb)) return;
      watched.add(rfb);
      rfb.addEventListener("clipboard", (event) => event instanceof CustomEvent && keep(event.detail.text));
    },
  };
}
