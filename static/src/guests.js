/** The guests page: rows follow the host, gauges move, screens are photographed, search and bulk actions work. */
import { byId } from "./lib/dom.js";
import { text } from "./lib/texts.js";
import { startBulk } from "./list/bulk.js";
import { paintChosen, settleChosen, startChosen } from "./list/chosen.js";
import { changed, drop as dropFromOrder, follow, isShown, isStale, show, spoil } from "./list/order.js";
import { askAgain, startQuery, wanted } from "./list/query.js";
import { nearScreen } from "./live/near.js";
import { forget, paint, remember, rememberAll } from "./live/numbers.js";
import { adoptRows, allRows, onRows, refreshRows, removeRow, rowOf } from "./live/rows.js";
import { startShots, takeShots } from "./live/shots.js";
import { on, watch } from "./live/socket.js";
import { announce } from "./ui/toast.js";

const WATCH_MS = 200;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let watchTimer;
let isPainting = false;

const { near, add, drop } = nearScreen((row) => {
  refreshStale([row]);
  paint(row);
  takeShots([row]);
  watchSoon();
});

/** Fetch what is not as the server has it. @param {Iterable<HTMLElement>} rows */
function refreshStale(rows) {
  refreshRows([...rows].filter(isStale).map((row) => row.dataset.id ?? ""));
}

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
    follow();
  });
}

/** Show the list, or what to do when there is none. @param {number} total */
function settle(total) {
  for (const [id, isHidden] of /** @type {[string, boolean][]} */ ([["guests", !total], ["no-guests", total > 0]])) {
    const element = byId(id);
    if (element) element.hidden = isHidden;
  }
  settleChosen();
}

onRows({
  isNear: (row) => near.has(row),
  added: (row) => add(row),
  changed(row, before) {
    const { id = "", name = "", state = "", label = "" } = row.dataset;
    if (before.state && before.state !== state) announce(text("nowState", { name, state: label }));
    // Where it stands, and whether at all, may depend on what has changed.
    const { q, sort } = wanted();
    if (before.wait === undefined && (q || sort !== "name" || before.name !== name)) askAgain();
    if (row.dataset.active === undefined) forget(id);
    paintChosen(row);
    paint(row);
    if (near.has(row)) takeShots([row]);
  },
  removed(row) {
    const { id = "", name = "" } = row.dataset;
    if (name) announce(text("guestGone", { name }));
    forget(id);
    dropFromOrder(id);
    drop(row);
    askAgain();
  },
});

on("numbers", (message) => {
  for (const [id, sample] of Object.entries(message.vms)) remember(id, sample);
  if (!document.hidden) paintSoon();
});
on("history", (message) => {
  for (const [id, samples] of Object.entries(message.vms)) rememberAll(id, samples);
  paintSoon();
});

/** A guest that is not in the list is new, or does not match yet. @param {string} id @param {() => void} act */
function ifShown(id, act) {
  if (isShown(id)) act();
  else askAgain();
}

/** @param {string} id */
function refreshIfNear(id) {
  const row = rowOf(id);
  if (row && near.has(row)) refreshRows([id]);
}

on("vm", (message) => ifShown(message.id, () => changed(message.id, message.rev) && refreshIfNear(message.id)));
on("job", (message) => message.vm && ifShown(message.vm, () => { spoil(message.vm); refreshIfNear(message.vm); }));
on("gone", (message) => {
  removeRow(message.id);
  askAgain();
});

/** What came while no hint could: fetch what is near whatever its revision. */
function resync() {
  for (const row of allRows()) spoil(row.dataset.id ?? "");
  refreshRows(nearIds());
  askAgain();
}

on("host", resync);
on("connected", (message) => (message.isAgain ? resync() : askAgain()));

adoptRows();
for (const row of allRows()) {
  paint(row);
  add(row);
}
byId("pager")?.remove();
show(JSON.parse(byId("guest-index")?.textContent ?? "{}"), wanted().sort, true);
startQuery((index, isAsked) => {
  show(index.guests, index.sort, isAsked);
  settle(index.total);
  refreshStale(near);
});
startChosen();
startBulk();
startShots(() => near);
