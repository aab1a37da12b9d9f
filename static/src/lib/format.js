/** Words for numbers; vms/web/numbers.py words them the same way. */

const KIB = 1024;
const FULL_BPS = 2 ** 30;
const KNEE_BPS = 16 * KIB;

/**
 * Bytes per second as number and unit.
 * @param {number} bps
 * @returns {[string, string]}
 */
export function rate(bps) {
  let value = bps;
  for (const unit of ["KiB/s", "MiB/s"]) {
    value /= KIB;
    if (value < 1000) return [value < 100 ? value.toFixed(1) : value.toFixed(0), unit];
  }
  return [(value / KIB).toFixed(1), "GiB/s"];
}

/** @param {number} bps */
export function rateText(bps) {
  return rate(bps).join(" ");
}

/**
 * Place of a rate on the soft scale, 0 to 1.
 * @param {number} bps
 */
export function softFraction(bps) {
  return Math.min(1, Math.log1p(bps / KNEE_BPS) / Math.log1p(FULL_BPS / KNEE_BPS));
}

/** @param {number} mib */
export function mib(mib) {
  if (mib < 1024) return `${Math.round(mib)} MiB`;
  return `${(mib / 1024).toFixed(1)} GiB`;
}

/**
 * A size with the largest binary unit that keeps it above one.
 * @param {number} bytes
 */
export function size(bytes) {
  let value = bytes;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (value < 1024) return `${Number.isInteger(value) ? value : value.toFixed(1)} ${unit}`;
    value /= 1024;
  }
  return `${value.toFixed(1)} TiB`;
}
