/** The Host page: load gauges that move. */
import { mib } from "./lib/format.js";
import { text } from "./lib/texts.js";
import { paintGauge, TICKS } from "./live/numbers.js";
import { on } from "./live/socket.js";

/** @type {Map<string, (number | null)[][]>} */
const histories = new Map();

on("host-load", (message) => {
  const history = histories.get(message.id) ?? [];
  history.push([message.cpu, message.used, message.total, ...message.rates]);
  if (history.length > TICKS) history.shift();
  histories.set(message.id, history);
  const place = document.querySelector(`[data-load="${CSS.escape(message.id)}"]`);
  for (const gauge of place?.querySelectorAll("[data-gauge]") ?? []) {
    if (gauge instanceof HTMLElement) paintGauge(gauge, history);
  }
  const detail = place?.querySelector(".gauge-detail");
  if (detail && message.total) detail.textContent = text("memoryOf", { used: mib(message.used), total: mib(message.total) });
});
