/** The dialog that types a text into the guest, in the layout that the guest's keyboard has. */
import { byId } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { announce, toast } from "../ui/toast.js";
import { LAYOUTS } from "./layouts/index.js";
import { missing, strokesOf, tableOf } from "./strokes.js";
import { PACES, type } from "./typist.js";

const KEPT = "kvmweb.paste";
const MOST_SHOWN = 20;

/** @template {HTMLElement} T @param {string} id @param {new () => T} kind @returns {T} */
function part(id, kind) {
  const element = byId(id);
  if (!(element instanceof kind)) throw new Error(`no ${id}`);
  return element;
}

/** A sign that can be seen, or its number. @param {string} char */
function shown(char) {
  return /[\p{C}\p{Z}]/u.test(char) ? `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}` : char;
}

/** @returns {Record<string, string>} */
function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "{}");
  } catch {
    return {};
  }
}

/** The layout to begin with: the one used last, or by the browser's language. */
export function likelyLayout() {
  const language = navigator.language.toLowerCase();
  const by = { "en-gb": "gb", "de-ch": "ch", "de-li": "ch", pt: "br", sv: "se", fi: "se", ja: "jp" };
  const [, found] = Object.entries(by).find(([start]) => language.startsWith(start)) ?? [];
  const layout = remembered().layout ?? found ?? language.slice(0, 2);
  return layout in LAYOUTS ? layout : "us";
}

/** @param {() => import("@novnc/novnc").default | null} screen the connection, or null while there is none */
export function startPaste(screen) {
  const dialog = part("paste", HTMLDialogElement);
  const words = part("paste-text", HTMLTextAreaElement);
  const layout = part("paste-layout", HTMLSelectElement);
  const pace = part("paste-pace", HTMLSelectElement);
  const go = part("paste-go", HTMLButtonElement);
  const stop = part("paste-stop", HTMLButtonElement);
  const bar = part("paste-progress", HTMLProgressElement);
  const state = part("paste-state", HTMLElement);
  /** @type {AbortController | null} */
  let typing = null;

  const table = () => tableOf(LAYOUTS[layout.value] ?? LAYOUTS.us ?? { id: "", rows: { E: [], D: [], C: [], B: [] } });

  function look() {
    const lacking = missing(table(), words.value);
    const list = lacking.slice(0, MOST_SHOWN).map(shown).join("  ");
    const more = lacking.length > MOST_SHOWN ? " …" : "";
    const warning = part("paste-missing", HTMLElement);
    warning.hidden = lacking.length === 0;
    const say = lacking.length ? text("pasteMissing", { signs: list + more }) : "";
    if (warning.textContent !== say) warning.textContent = say;
    go.disabled = Boolean(typing) || strokesOf(table(), words.value).length === 0;
    go.textContent = text(lacking.length ? "pasteWithout" : "pasteGo");
  }

  /** @param {boolean} is */
  function setTyping(is) {
    for (const field of [words, layout, pace]) field.disabled = is;
    stop.hidden = !is;
    bar.hidden = !is;
    look();
    (is ? stop : words).focus();
  }

  async function run() {
    const rfb = screen();
    if (!rfb) return toast(text("pasteNoScreen"), "error");
    const strokes = strokesOf(table(), words.value);
    localStorage.setItem(KEPT, JSON.stringify({ layout: layout.value, pace: pace.value }));
    typing = new AbortController();
    bar.max = strokes.length;
    setTyping(true);
    /** @param {number} done */
    const progress = (done) => {
      bar.value = done;
      state.textContent = text("pasteState", { done, total: strokes.length });
      if (screen() !== rfb) typing?.abort();
    };
    progress(0);
    const done = await type(rfb, strokes, { pauseMs: PACES[pace.value] ?? 14, signal: typing.signal, progress });
    typing = null;
    setTyping(false);
    if (done < strokes.length) return void (state.textContent = text("pasteStopped", { done, total: strokes.length }));
    announce(text("pasteDone", { total: done }));
    state.textContent = "";
    words.value = "";
    dialog.close();
    rfb.focus();
  }

  for (const field of [words, layout]) field.addEventListener("input", look);
  go.addEventListener("click", run);
  stop.addEventListener("click", () => typing?.abort());
  dialog.addEventListener("close", () => typing?.abort());
  byId("paste-close")?.addEventListener("click", () => dialog.close());

  return {
    open() {
      layout.value = likelyLayout();
      pace.value = remembered().pace ?? "normal";
      state.textContent = "";
      look();
      dialog.showModal();
      words.focus();
    },
  };
}
