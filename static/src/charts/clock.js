/** Times under charts, in the time zone of the site as everywhere on its pages. */
import uPlot from "uplot";

const DAY_S = 86_400;

/** @param {string} timeZone */
export function clock(timeZone) {
  /** @param {Intl.DateTimeFormatOptions} parts */
  const format = (parts) => new Intl.DateTimeFormat(document.documentElement.lang || "en", { timeZone, ...parts });
  const hour = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const day = format({ day: "numeric", month: "short" });
  const month = format({ month: "short", year: "numeric" });
  const full = format({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" });

  /** @param {number} at_s */
  const date = (at_s) => uPlot.tzDate(new Date(at_s * 1000), timeZone);

  return {
    date,
    /** Word the marks of an axis: hours, at midnight the day, of long spans the month. @param {number[]} splits */
    axis(splits) {
      const [first = 0, second = 0] = splits;
      return splits.map((at) => {
        const at_ms = at * 1000;
        if (second - first >= 25 * DAY_S) return month.format(at_ms);
        const isMidnight = hour.format(at_ms) === "00:00";
        return second - first >= DAY_S || isMidnight ? day.format(at_ms) : hour.format(at_ms);
      });
    },
    /** Word one period. @param {number} at_s @param {number} step_s */
    moment: (at_s, step_s) => (step_s >= DAY_S ? day : full).format(at_s * 1000),
  };
}
