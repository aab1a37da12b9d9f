/** Who is at this guest's consoles, who has control, and how it changes hands. */
import { byId, make } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { announce, toast } from "../ui/toast.js";
import { drawPeople } from "./people.js";

/** @typedef {import("./session.js").Session} Session */
/**
 * @typedef {{id: string, name: string, kind: string, device: number, control: boolean, can: boolean, asks: boolean, guest: boolean, mine: boolean}} Sitter
 * @typedef {{t: "seats", me: string, control: boolean, may: {control: boolean, take: boolean, alone: boolean}, alone: boolean, recorded: boolean, ask_s: number, ends: {why: string, in_s: number} | null, people: Sitter[]}} Seats
 */

const HERE_MS = 20_000;

/** @param {Sitter | undefined} sitter */
export const nameOf = (sitter) => sitter?.name || text("somebody");

/** Those at the same screen or port as the looker. @param {Seats} seats */
export function neighbours(seats) {
  const me = seats.people.find((each) => each.id === seats.me);
  return seats.people.filter((each) => each.kind === me?.kind && each.device === me?.device);
}

/** @param {Seats} seats */
export const holderOf = (seats) => neighbours(seats).find((each) => each.control);

/**
 * What the button beside the names does now.
 * @param {Seats} seats
 * @returns {{wish: string, label: string, isOn?: boolean}}
 */
export function choice(seats) {
  const holder = holderOf(seats);
  if (seats.control) return { wish: "release", label: "watchOnly" };
  if (!seats.may.control) return { wish: "", label: "watchesOnly", isOn: true };
  if (!holder || holder.mine) return { wish: "claim", label: "takeControl" };
  const asks = seats.people.find((each) => each.id === seats.me)?.asks;
  return asks ? { wish: "withdraw", label: "askedControl", isOn: true } : { wish: "ask", label: "askControl" };
}

/**
 * Say what happened between two messages, in words; "" where nothing is worth one.
 * @param {Seats | null} before
 * @param {Seats} now
 * @param {string} wish what the looker did last
 */
export function news(before, now, wish) {
  if (!before) return "";
  const name = nameOf(holderOf(now));
  if (before.control && !now.control) {
    if (wish === "release" || wish === "give") return text(wish === "give" ? "gaveControl" : "watching", { name });
    if (!now.may.control) return text("rightLost");
    return text(neighbours(before).some((each) => each.asks && each.id === holderOf(now)?.id) ? "silentControl" : "lostControl", { name });
  }
  if (!before.control && now.control) return text("controlling");
  const asked = (/** @type {Seats} */ seats) => seats.people.some((each) => each.id === seats.me && each.asks);
  if (asked(before) && !asked(now) && !now.control && wish !== "withdraw") return text("keptControl", { name });
  return "";
}

/**
 * `recorded` hears when recording of a console begins or ends.
 * @param {{root: HTMLElement, current: () => Session | undefined, recorded: (is: boolean) => void}} page
 */
export function startCompany({ root, current, recorded }) {
  const button = byId("control");
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let ticking;

  button?.addEventListener("click", () => {
    const seats = current()?.talk.seats;
    if (seats) current()?.talk.wish(choice(seats).wish);
    current()?.seat?.focus();
  });
  root.addEventListener("click", (event) => {
    const item = event.target instanceof Element ? event.target.closest("[data-wish]") : null;
    if (!(item instanceof HTMLElement)) return;
    current()?.talk.wish(item.dataset.wish ?? "", item.dataset.to);
    const menu = byId("people-menu");
    if (menu?.matches(":popover-open")) menu.hidePopover();
    current()?.seat?.focus();
  });

  root.addEventListener("pointerdown", (event) => {
    const isAtScreen = event.target instanceof Element && event.target.closest("[data-place]");
    if (isAtScreen) current()?.talk.fetch();
  }, true);

  // Who only watches uses nothing; that he is there counts all the same.
  let saidMs = 0;
  for (const kind of ["pointermove", "keydown", "pointerdown"]) {
    root.addEventListener(kind, () => {
      if (Date.now() - saidMs < HERE_MS) return;
      saidMs = Date.now();
      current()?.talk.wish("here");
    }, true);
  }

  /** @param {Seats} seats */
  function showQuestion(seats) {
    const strip = byId("ask");
    const asker = seats.control ? neighbours(seats).find((each) => each.asks) : undefined;
    clearInterval(ticking);
    if (!strip) return;
    const isNew = asker && strip.dataset.to !== asker.id;
    strip.hidden = !asker;
    strip.dataset.to = asker?.id ?? "";
    if (!asker) return;
    for (const item of strip.querySelectorAll("[data-wish]")) if (item instanceof HTMLElement) item.dataset.to = asker.id;
    const since = isNew ? Date.now() : Number(strip.dataset.since ?? Date.now());
    strip.dataset.since = String(since);
    const tick = () => {
      const seconds = Math.max(0, Math.round(seats.ask_s - (Date.now() - since) / 1000));
      const words = strip.querySelector("[data-words]");
      if (words) words.textContent = text("asksControl", { name: nameOf(asker), seconds });
    };
    tick();
    ticking = setInterval(tick, 1000);
    if (isNew) announce(text("asksControl", { name: nameOf(asker), seconds: seats.ask_s }));
  }

  /** @param {Seats} seats */
  function showEnd(seats) {
    const strip = byId("ends");
    if (!strip) return;
    strip.hidden = !seats.ends;
    const words = strip.querySelector("[data-words]");
    const stay = strip.querySelector("button");
    if (stay) stay.hidden = seats.ends?.why !== "idle";
    if (words) words.textContent = seats.ends ? text(seats.ends.why === "idle" ? "endsIdle" : "endsTime", { seconds: seats.ends.in_s }) : "";
  }

  function show() {
    const seats = current()?.talk.seats ?? null;
    drawPeople(seats);
    if (button instanceof HTMLButtonElement) {
      const { wish, label, isOn } = seats ? choice(seats) : { wish: "", label: "watchOnly", isOn: false };
      button.disabled = !wish;
      button.setAttribute("aria-pressed", String(Boolean(isOn)));
      button.querySelector(".word")?.replaceChildren(text(label));
      button.title = text(`${label}Title`);
      button.dataset.does = wish;
    }
    if (seats) showQuestion(seats);
    else for (const id of ["ask", "ends"]) byId(id)?.setAttribute("hidden", "");
    if (seats) showEnd(seats);
  }

  return {
    show,
    /** @param {Session} session @param {Seats | null} before @param {Seats} now */
    heard(session, before, now) {
      if (now.recorded !== Boolean(before?.recorded)) recorded(now.recorded);
      if (session === current()) {
        const words = news(before, now, session.talk.lastWish);
        if (words) toast(words, before?.control && !now.control ? "warning" : "success");
      }
      show();
    },
  };
}

/** For menus: an item that wishes something. @param {string} wish @param {string} to @param {...(Node | string)} words */
export function item(wish, to, ...words) {
  return make("button", { type: "button", class: "menu-item", role: "menuitem", "data-wish": wish, "data-to": to }, make("b", {}, ...words));
}
