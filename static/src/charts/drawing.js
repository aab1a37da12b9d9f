/** Draws the four charts of one thing with uPlot: one crosshair over all, values in their headings. */
import uPlot from "uplot";
import { clock } from "./clock.js";
import { unitOf, words } from "./units.js";

const HEIGHT = 172;
const AXIS_WIDTH = 74;
const AXIS_HEIGHT = 28;
/** @typedef {import("./data.js").Series} Series */
/** @typedef {{plot: uPlot, columns: string[], show: (index: number | null | undefined) => void}} Picture */

/** @param {string} color a computed one: rgb(1, 2, 3) */
function faint(color) {
  return color.replace("rgb(", "rgba(").replace(")", ", 0.13)");
}

/**
 * Points between two gaps would have no line; all others need none.
 * @param {uPlot} plot
 * @param {number} index
 */
function lonePoints(plot, index) {
  const values = plot.data[index] ?? [];
  const isLone = (/** @type {number} */ i) => values[i] != null && values[i - 1] == null && values[i + 1] == null;
  return [...values.keys()].filter(isLone);
}

/**
 * Let the crosshair stand on the points, not between them.
 * @param {uPlot} plot
 * @param {number} left
 * @param {number} top
 * @returns {[number, number]}
 */
function toPoint(plot, left, top) {
  const at = left < 0 ? undefined : plot.data[0][plot.posToIdx(left)];
  return at === undefined ? [left, top] : [plot.valToPos(at, "x"), top];
}

/** @param {Element} swatch @param {number} position @returns {uPlot.Series} */
function lineOf(swatch, position) {
  const color = () => getComputedStyle(swatch).backgroundColor;
  const isLimit = swatch.classList.contains("paint-total");
  return {
    stroke: color,
    width: 1.5,
    spanGaps: false,
    ...(position === 0 ? { fill: () => faint(color()) } : {}),
    ...(isLimit ? { dash: [4, 4] } : {}),
    points: { show: true, size: 4, filter: lonePoints },
  };
}

/** @param {HTMLElement} box @param {string} syncKey @param {ReturnType<typeof clock>} times */
function optionsOf(box, syncKey, times) {
  const unit = unitOf(box.dataset.unit);
  const place = /** @type {HTMLElement} */ (box.querySelector(".plot"));
  const style = () => getComputedStyle(place);
  const axis = {
    stroke: () => style().color,
    font: "12px Inter, 'Segoe UI', system-ui, 'DejaVu Sans', sans-serif",
    grid: { stroke: () => style().borderTopColor, width: 1 },
    ticks: { stroke: () => style().borderTopColor, width: 1, size: 4 },
  };
  /** @type {uPlot.Options} */
  const options = {
    width: place.clientWidth || 300,
    height: HEIGHT,
    padding: [10, 18, 0, 0],
    tzDate: times.date,
    legend: { show: false },
    cursor: { y: false, move: toPoint, drag: { x: false, y: false }, sync: { key: syncKey }, points: { size: 7 } },
    scales: { y: { range: (_plot, _lowest, highest) => [0, unit.top(highest ?? 0)] } },
    series: [{}, ...[...box.querySelectorAll(".swatch")].map(lineOf)],
    axes: [
      { ...axis, values: (_plot, splits) => times.axis(splits), size: AXIS_HEIGHT, space: 64 },
      { ...axis, values: (_plot, splits) => splits.map((each) => (each ? unit.word(each) : "0")), incrs: unit.increments, size: AXIS_WIDTH, space: 34 },
    ],
  };
  return { options, place };
}

/**
 * @param {HTMLElement} box
 * @param {string} syncKey
 * @param {ReturnType<typeof clock>} times
 * @param {(at: number | null | undefined) => void} moved the crosshair, to a time or away
 * @returns {Picture}
 */
function picture(box, syncKey, times, moved) {
  const { options, place } = optionsOf(box, syncKey, times);
  const legends = /** @type {HTMLElement[]} */ ([...box.querySelectorAll("[data-line]")]);
  const columns = legends.map((legend) => legend.dataset.line ?? "");
  /** @type {uPlot} */
  let plot;

  /** @param {number | null | undefined} index */
  function show(index) {
    legends.forEach((legend, line) => {
      const values = plot.data[line + 1] ?? [];
      const value = legend.querySelector("b");
      const latest = [...values].filter((each) => each != null).at(-1);
      const word = words(box.dataset.unit, index == null ? latest : values[index]);
      if (value && value.textContent !== word) value.textContent = word;
    });
    moved(index == null ? null : plot.data[0][index]);
  }

  options.hooks = { setCursor: [(self) => self.data[0]?.length && show(self.cursor.idx)] };
  plot = new uPlot(options, [[], ...columns.map(() => [])], place);
  new ResizeObserver(() => {
    if (place.clientWidth) plot.setSize({ width: place.clientWidth, height: HEIGHT });
  }).observe(place);
  return { plot, columns, show };
}

/** Call back when light turns dark, by choice or by the desk. @param {() => void} redraw */
function onAppearance(redraw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
}

/**
 * Give what draws a series into the charts of a place, which are made at its first call, and what puts the
 * crosshair of all of them on a point, or takes it away.
 * @param {HTMLElement} place
 */
export function drawing(place) {
  const times = clock(place.dataset.timeZone ?? "UTC");
  const moment = place.querySelector(".chart-at");
  /** @type {Picture[]} */
  let pictures = [];
  let step = 0;

  /** @param {number | null | undefined} at */
  function moved(at) {
    const words = at == null ? "" : times.moment(at, step);
    if (moment && moment.textContent !== words) moment.textContent = words;
  }

  function make() {
    const boxes = /** @type {HTMLElement[]} */ ([...place.querySelectorAll("[data-chart]")]);
    pictures = boxes.map((box) => picture(box, place.dataset.subject ?? "", times, moved));
    onAppearance(() => pictures.forEach(({ plot }) => plot.redraw(false)));
  }

  /** @param {Series} series */
  function draw(series) {
    step = series.step_s;
    if (pictures.length === 0) make();
    for (const { plot, columns, show } of pictures) {
      plot.setData([series.at_s, ...columns.map((name) => series.columns[name] ?? [])]);
      show(plot.cursor.idx);
    }
  }

  /** @param {number | null} index */
  function point(index) {
    for (const { plot } of pictures) {
      const at = index === null ? undefined : plot.data[0][index];
      plot.setCursor({ left: at === undefined ? -10 : plot.valToPos(at, "x"), top: 0 });
    }
  }

  return { draw, point };
}
