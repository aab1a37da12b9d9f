/** The names in the console's bar, and the menu that hands control over. */
import { byId, make } from "../lib/dom.js";
import { text } from "../lib/texts.js";
import { holderOf, item, nameOf, neighbours } from "./company.js";

/** @typedef {import("./company.js").Seats} Seats */
/** @typedef {import("./company.js").Sitter} Sitter */

/** How somebody is there, in words. @param {Sitter} sitter */
function how({ kind, control }) {
  if (kind === "serial") return text(control ? "usesSerial" : "watchesSerial");
  return text(control ? "usesScreen" : "watchesScreen");
}

/** @param {string} name of an icon that the page has already */
function icon(name) {
  const use = document.querySelector(`#icons-of-people [data-icon="${name}"] svg`);
  return use ? use.cloneNode(true) : "";
}

/** @param {Sitter} sitter @param {number} count */
function tag(sitter, count) {
  const words = `${nameOf(sitter)}${count > 1 ? ` × ${count}` : ""}`;
  const title = how(sitter) + (sitter.guest ? `, ${text("byLink")}` : "");
  const kind = sitter.control ? "tag tag-good" : "tag";
  return make("li", { class: kind, title }, icon(sitter.control ? "keyboard" : "eye"), words, make("span", { class: "visually-hidden" }, ` ${title}`));
}

/** One entry for those who are there in the same way. @param {Sitter[]} people */
function tags(people) {
  /** @type {Map<string, Sitter[]>} */
  const groups = new Map();
  for (const each of people) {
    const key = JSON.stringify([each.name, each.guest, each.kind, each.control]);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].map((group) => tag(/** @type {Sitter} */ (group[0]), group.length));
}

/** Nobody is told of himself alone, unless he has the same open twice. @param {Sitter[]} people */
function isAlone(people) {
  return people.every((each) => each.mine) && new Set(people.map((each) => each.kind + each.device)).size === people.length;
}

/** @param {Seats} seats */
function choices(seats) {
  const holder = holderOf(seats);
  const others = neighbours(seats).filter((each) => each.id !== seats.me);
  /** @type {HTMLElement[]} */
  const items = [];
  if (seats.control) items.push(...others.filter((each) => each.can).map((each) => item("give", each.id, text("giveTo", { name: nameOf(each) }))));
  else if (holder && !holder.mine && seats.may.take) items.push(item("take", "", text("takeFrom", { name: nameOf(holder) })));
  if (seats.control && seats.may.alone) {
    const alone = item(seats.alone ? "share" : "alone", "", text("beAlone"));
    alone.setAttribute("role", "menuitemcheckbox");
    alone.setAttribute("aria-checked", String(seats.alone));
    items.push(alone);
  }
  const linksUrl = byId("console")?.dataset.linksUrl;
  const links = linksUrl ? [make("hr"), make("a", { class: "menu-item", role: "menuitem", href: linksUrl }, make("b", {}, text("linksForGuests")))] : [];
  return items.length ? [...items, ...links] : [make("div", { class: "menu-title" }, text(others.length ? "nothingToDo" : "nobodyElse")), ...links];
}

/** Show who is there; null: not connected. @param {Seats | null} seats */
export function drawPeople(seats) {
  const people = seats?.people ?? [];
  const list = byId("console-people");
  if (list) list.replaceChildren(...(isAlone(people) ? [] : [make("ul", { class: "people", "aria-label": text("connectedHere") }, ...tags(people))]));
  const button = byId("people");
  if (button instanceof HTMLButtonElement) {
    button.disabled = !seats;
    button.querySelector(".count")?.replaceChildren(String(people.length || ""));
    button.classList.toggle("is-alone", Boolean(seats?.alone));
  }
  byId("people-menu")?.replaceChildren(...(seats ? choices(seats) : []));
}
