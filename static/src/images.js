/** The Images page: uploads from this desk, and the parts that follow the jobs. */
import { byId } from "./lib/dom.js";
import { Transfer } from "./images/transfer.js";
import { afterRefresh, refresh } from "./live/regions.js";
import { on } from "./live/socket.js";

/** @type {Set<Transfer>} */
const transfers = new Set();

on("job", () => refresh());
afterRefresh(hideOwn);

const panel = byId("upload");
const list = byId("transfers");
const input = byId("upload-files");

/** Files that this page sends stand above already, with their speed. */
function hideOwn() {
  const own = new Set([...transfers].map((transfer) => transfer.id));
  for (const line of document.querySelectorAll("[data-upload]")) {
    if (line instanceof HTMLElement) line.hidden = own.has(line.dataset.upload ?? "");
  }
}

/** @param {FileList | null | undefined} files */
function send(files) {
  const pool = byId("upload-pool");
  const endpoint = panel?.dataset.uploadUrl;
  if (!files || !list || !endpoint || !(pool instanceof HTMLSelectElement)) return;
  for (const file of files) {
    const transfer = new Transfer(file, endpoint, pool.value, () => {
      transfers.delete(transfer);
      refresh();
    });
    transfers.add(transfer);
    list.prepend(transfer.row);
    transfer.start();
  }
}

if (input instanceof HTMLInputElement) {
  input.addEventListener("change", () => {
    send(input.files);
    input.value = "";
  });
}

const zone = panel?.querySelector("[data-drop]");
zone?.addEventListener("dragover", (event) => {
  event.preventDefault();
  zone.classList.add("is-over");
});
for (const name of ["dragleave", "drop"]) zone?.addEventListener(name, () => zone.classList.remove("is-over"));
zone?.addEventListener("drop", (event) => {
  event.preventDefault();
  send(/** @type {DragEvent} */ (event).dataTransfer?.files);
});

addEventListener("beforeunload", (event) => {
  // The browser asks; what was sent stays on the server and goes on when the file is chosen again.
  if ([...transfers].some((transfer) => transfer.isSending)) event.preventDefault();
});
