/** One file on its way to the server: a row with its progress, and buttons to pause, go on and give up. */
import { Upload } from "tus-js-client";
import { goToLogin, make } from "../lib/dom.js";
import { rateText, size } from "../lib/format.js";
import { text } from "../lib/texts.js";
import { announce } from "../ui/toast.js";

/** The server looks at the beginning after the first piece, and answers before the rest is sent. */
const PIECE_BYTES = 64 * 2 ** 20;
const RETRY_MS = [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000];
const SPEED_MS = 2000;
const SVG = "http://www.w3.org/2000/svg";

export class Transfer {
  /**
   * @param {File} file
   * @param {string} endpoint
   * @param {string} pool id of the pool
   * @param {() => void} onEnd
   */
  constructor(file, endpoint, pool, onEnd) {
    this.file = file;
    this.isSending = false;
    this.onEnd = onEnd;
    this.sinceMs = 0;
    this.sinceBytes = 0;
    this.speed = "";
    this.upload = new Upload(file, {
      endpoint,
      metadata: { filename: file.name, pool },
      chunkSize: PIECE_BYTES,
      retryDelays: RETRY_MS,
      removeFingerprintOnSuccess: true,
      onProgress: (sent, total) => this.show(sent, total),
      onSuccess: () => this.done(),
      onError: (error) => this.fail(error),
    });
    this.words = make("span", { class: "dim" }, text("uploadWaits"));
    this.pause = button(text("pause"), file.name, () => (this.isSending ? this.hold() : this.start()));
    this.stop = button(text("giveUp"), file.name, () => this.giveUp());
    this.bar = document.createElementNS(SVG, "rect");
    this.bar.setAttribute("height", "8");
    this.bar.setAttribute("width", "0%");
    this.track = document.createElementNS(SVG, "svg");
    this.track.setAttribute("class", "progress-track");
    this.track.setAttribute("role", "img");
    this.track.append(this.bar);
    const line = make("div", { class: "transfer-line" }, make("b", {}, file.name), this.words, this.pause, this.stop);
    this.row = make("li", { class: "transfer" }, line);
    this.row.append(this.track);
  }

  /** The id that the server gave, "" before it did. */
  get id() {
    return this.upload.url?.split("/").pop() ?? "";
  }

  /** Begin, or go on where an earlier attempt of this browser stopped. */
  async start() {
    this.isSending = true;
    this.sinceMs = 0;
    this.pause.textContent = text("pause");
    this.row.classList.remove("is-bad");
    const earlier = await this.upload.findPreviousUploads().catch(() => []);
    if (earlier[0] && !this.upload.url) this.upload.resumeFromPreviousUpload(earlier[0]);
    this.upload.start();
  }

  async hold() {
    this.isSending = false;
    this.pause.textContent = text("goOn");
    await this.upload.abort();
    this.say(text("paused"));
  }

  async giveUp() {
    this.isSending = false;
    await this.upload.abort(true).catch(() => undefined);
    this.row.remove();
    this.onEnd();
  }

  /** @param {number} sent @param {number} total */
  show(sent, total) {
    const percent = total ? Math.floor((100 * sent) / total) : 0;
    const nowMs = performance.now();
    if (!this.sinceMs) [this.sinceMs, this.sinceBytes, this.speed] = [nowMs, sent, ""];
    if (nowMs - this.sinceMs > SPEED_MS) {
      this.speed = ` · ${rateText((1000 * (sent - this.sinceBytes)) / (nowMs - this.sinceMs))}`;
      [this.sinceMs, this.sinceBytes] = [nowMs, sent];
    }
    this.bar.setAttribute("width", `${percent}%`);
    this.track.setAttribute("aria-label", `${percent} %`);
    this.say(`${text("sizeOf", { done: size(sent), total: size(total) })}${this.speed}`);
  }

  done() {
    this.isSending = false;
    announce(text("uploadDone", { name: this.file.name }));
    this.row.remove();
    this.onEnd();
  }

  /** @param {Error | import("tus-js-client").DetailedError} error */
  fail(error) {
    this.isSending = false;
    const answer = "originalResponse" in error ? error.originalResponse : null;
    if (answer?.getStatus() === 401) return void goToLogin();
    const isFinal = [403, 410, 413, 415, 422].includes(answer?.getStatus() ?? 0);
    this.pause.textContent = text("goOn");
    this.pause.hidden = isFinal;
    this.stop.textContent = isFinal ? text("close") : text("giveUp");
    this.row.classList.add("is-bad");
    this.say(reason(answer?.getBody()) || text("uploadBroke"));
    announce(`${this.file.name}: ${this.words.textContent}`);
  }

  /** @param {string} sentence */
  say(sentence) {
    this.words.textContent = sentence;
  }
}

/** Read the sentence of a problem document. @param {string | undefined} body */
function reason(body) {
  try {
    const problem = JSON.parse(body ?? "");
    const fields = Object.values(problem.fields ?? {});
    return String(fields[0] ?? problem.detail ?? "");
  } catch {
    return "";
  }
}

/** @param {string} label @param {string} name @param {() => void} press */
function button(label, name, press) {
  const element = make("button", { type: "button", class: "btn btn-small", title: name }, label);
  element.addEventListener("click", press);
  return element;
}
