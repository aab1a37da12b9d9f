/** The guests page: rows follow the host, gauges move, screens are photographed, the filter filters. */
import { byId } from "./lib/dom.js";
import { text } from "./lib/texts.js";
import { nearScreen } from "./live/near.js";
import { forget, paint, remember, rememberAll } from "./live/numbers.js";
import { allRows, onRows, refreshRows, removeRow, resync, rowOf } from "./live/rows.js";
import { startShots, takeShots } from "./live/shots.js";
import { on, watch } from "./live/socket.js";
import { applyFilter, startFilter } from "./ui/filter.js";
import { announce } from "./ui/toast.js";

const WATCH_MS = 200;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let watchTimer;
let isPainting = false;

const { near, add, drop } = nearScreen((row) => {
  if (row.dataset.brief !== undefined) refreshRows([row.dataset.id ?? ""]);
  paint(row);
  takeShots([row]);
  watchSoon();
});

/** Ask for the history of what is near, once scrolling has calmed down. */
function watchSoon() {
  clearTimeout(watchTimer);
  watchTimer = setTimeout(() => watch(nearIds()), WATCH_MS);
}

function nearIds() {
  return [...near].map((row) => row.dataset.id ?? "");
}

function paintSoon() {
  if (isPainting) return;
  isPainting = true;
  requestAnimationFrame(() => {
    isPainting = false;
    for (const row of near) paint(row);
  });
}

/** Show the list or what to do when there is none. */
function settle() {
  const isEmpty = allRows().length === 0;
  for (const [id, isHidden] of /** @type {[string, boolean][]} */ ([["guests", isEmpty], ["no-guests", !isEmpty]])) {
    const element = byId(id);
    if (element) element.hidden = isHidden;
  }
  applyFilter();
}

onRows({
  added(row) {
    add(row);
    paint(row);
  },
  changed(row, before) {
    const { name = "", state, label = "" } = row.dataset;
    if (before && before !== state) announce(text("nowState", { name, state: label }));
    if (row.dataset.active === undefined) forget(row.dataset.id ?? "");
    paint(row);
    if (near.has(row)) takeShots([row]);
  },
  removed(row) {
    announce(text("guestGone", { name: row.dataset.name ?? "" }));
    forget(row.dataset.id ?? "");
    drop(row);
  },
  settled: settle,
});

on("numbers", (message) => {
  for (const [id, sample] of Object.entries(message.vms)) remember(id, sample);
  if (!document.hidden) paintSoon();
});
on("history", (message) => {
  for (const [id, samples] of Object.entries(message.vms)) rememberAll(id, samples);
  paintSoon();
});
on("vm", (message) => {
  if (Number(rowOf(message.id)?.dataset.rev ?? -1) < message.rev) refreshRows([message.id]);
});
on("gone", (message) => {
  removeRow(message.id);
  settle();
});
on("job", (message) => message.vm && refreshRows([message.vm]));
on("host", () => resync(nearIds()));
on("connected", (message) => {
  const atWork = allRows().filter((row) => row.querySelector(".g-job"));
  resync(message.isAgain ? nearIds() : atWork.map((row) => row.dataset.id ?? ""));
});

for (const row of allRows()) {
  paint(row);
  add(row);
}
startFilter();
startShots(() => near);
