/** Menus: native popovers that a button with data-menu opens; arrows move, Escape and clicks elsewhere close. */
import { ask, byId, nearest } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import htmx from "htmx.org";

const EDGE = 8;
/** The button of each open menu. @type {WeakMap<HTMLElement, HTMLElement>} */
const openers = new WeakMap();

/**
 * Put a menu below its button, or above where there is more room.
 * @param {HTMLElement} menu
 * @param {HTMLElement} button
 */
function place(menu, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const isAbove = at.bottom + height + EDGE > innerHeight && at.top > innerHeight - at.bottom;
  const top = isAbove ? at.top - height - 4 : at.bottom + 4;
  menu.style.top = `${Math.max(EDGE, Math.min(top, innerHeight - height - EDGE))}px`;
  const left = at.left < innerWidth / 2 ? at.left : at.right - width;
  menu.style.left = `${Math.max(EDGE, Math.min(left, innerWidth - width - EDGE))}px`;
}

/** @param {HTMLElement} menu */
function items(menu) {
  const all = menu.querySelectorAll("a[href], button:not(:disabled), input:not(:disabled):not([type=hidden])");
  return [...all].filter((item) => item instanceof HTMLElement && item.offsetParent !== null);
}

/**
 * Fetch what stands in a menu, as it is true now.
 * @param {HTMLElement} menu
 * @param {string} url
 */
async function fill(menu, url) {
  menu.dataset.url = url;
  const answer = await ask(url).catch(() => null);
  if (menu.dataset.url !== url) return;
  if (!answer?.ok) {
    menu.textContent = text(answer?.status === 404 ? "gone" : "offline");
    return;
  }
  menu.innerHTML = await answer.text();
  htmx.process(menu);
}

/** @param {HTMLElement} button */
async function open(button) {
  const menu = byId(button.dataset.menu ?? "");
  if (!menu) return;
  if (menu.matches(":popover-open")) {
    const isSame = openers.get(menu) === button;
    menu.hidePopover();
    if (isSame) return;
  }
  openers.set(menu, button);
  if (button.dataset.menuUrl) await fill(menu, button.dataset.menuUrl);
  menu.showPopover();
  place(menu, button);
  button.setAttribute("aria-expanded", "true");
  const first = menu.querySelector("[autofocus]") ?? items(menu)[0];
  if (first instanceof HTMLElement) first.focus();
}

/** Refresh an open menu whose guest changed. @param {string} id of the guest */
export function refreshMenu(id) {
  const menu = byId("guest-menu");
  if (!menu?.matches(":popover-open")) return;
  const button = openers.get(menu);
  if (button?.id === `act-${id}` && button.dataset.menuUrl) fill(menu, button.dataset.menuUrl);
}

/** @param {Event} event */
function closed(event) {
  const menu = event.target;
  if (!(menu instanceof HTMLElement) || !menu.matches(".menu")) return;
  if (!(event instanceof ToggleEvent) || event.newState === "open") return;
  const button = openers.get(menu);
  if (!button) return;
  button.setAttribute("aria-expanded", "false");
  if (menu.contains(document.activeElement)) button.focus();
}

/** @param {KeyboardEvent} event */
function moved(event) {
  const menu = nearest(event, ".menu");
  if (!menu || !["ArrowDown", "ArrowUp", "Home", "End", "Tab"].includes(event.key)) return;
  const isMenu = menu.getAttribute("role") === "menu";
  if (event.key === "Tab") return void (isMenu && menu.hidePopover());
  if (!isMenu && event.target instanceof HTMLInputElement && event.target.type !== "checkbox") return;
  event.preventDefault();
  const all = items(menu);
  const now = all.indexOf(/** @type {Element} */ (document.activeElement));
  const last = all.length - 1;
  const step = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: last }[event.key] ?? 0;
  const next = all[step > last ? 0 : step < 0 ? last : step];
  if (next instanceof HTMLElement) next.focus();
}

/** Bring all menus of the page to life, also those that come later. */
export function startMenus() {
  document.addEventListener("click", (event) => {
    const button = nearest(event, "[data-menu]");
    if (button) {
      if (button instanceof HTMLAnchorElement) event.preventDefault();
      return void open(button);
    }
    const item = nearest(event, ".menu-item");
    if (item && item.getAttribute("aria-disabled") !== "true") item.closest(".menu")?.matches(":popover-open") && setTimeout(() => nearestMenu(item)?.hidePopover(), 0);
  });
  document.addEventListener("keydown", moved);
  document.addEventListener("toggle", closed, true);
  addEventListener("scroll", () => document.querySelectorAll(".menu:popover-open").forEach((menu) => menu instanceof HTMLElement && !menu.querySelector("input:focus") && menu.hidePopover()), { passive: true });
}

/** @param {Element} item @returns {HTMLElement | null} */
function nearestMenu(item) {
  const menu = item.closest(".menu");
  return menu instanceof HTMLElement && menu.matches(":popover-open") ? menu : null;
}
