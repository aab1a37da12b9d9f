/** Pictures of a guest's screen: into a file, and to the clipboard where the browser lets one. */

/** @typedef {import("@novnc/novnc").default} Rfb */

/** @param {Rfb} rfb @returns {Promise<Blob>} */
function picture(rfb) {
  return new Promise((resolve, reject) => {
    rfb.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/png");
  });
}

/** Whether `copyPicture` can work here at all. */
export function canCopyPictures() {
  return Boolean(navigator.clipboard?.write) && typeof ClipboardItem === "function";
}

/** @param {Rfb} rfb @param {string} name of the guest */
export async function savePicture(rfb, name) {
  const address = URL.createObjectURL(await picture(rfb));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${fileName(name)}-${stamp(new Date())}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Rejects where the browser or the person does not allow it. @param {Rfb} rfb */
export async function copyPicture(rfb) {
  await navigator.clipboard.write([new ClipboardItem({ "image/png": picture(rfb) })]);
}

/** @param {string} name */
export function fileName(name) {
  return name.replace(/[\p{Cc}\\/:*?"<>|#%]+/gu, "_").slice(0, 80) || "screen";
}

/** @param {Date} at */
function stamp(at) {
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("");
  return `${day}-${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;
}
