/** Merge fresh HTML into what is shown, keeping focus, open menus and what scripts painted. */
import { Idiomorph } from "idiomorph";

/** @param {Node} oldNode @param {Node} newNode */
function keepsPainting(oldNode, newNode) {
  if (!(oldNode instanceof HTMLElement) || !(newNode instanceof HTMLElement)) return false;
  if (oldNode.matches("[data-gauge]")) return Boolean(oldNode.querySelector(".gauge-number") && newNode.querySelector(".gauge-number"));
  if (oldNode.matches("img[data-shot]")) return oldNode.dataset.shot === newNode.dataset.shot;
  return oldNode.matches("[popover]:popover-open") && oldNode.id === newNode.id && newNode.childElementCount === 0;
}

/** Attributes that scripts own while the element stays. @param {string} name @param {Element} node */
function isOurs(name, node) {
  if (name === "aria-expanded") return true;
  return name === "checked" && node.matches(".g-pick input");
}

/**
 * @param {Element} target
 * @param {Element} fresh
 */
export function morph(target, fresh) {
  Idiomorph.morph(target, fresh.outerHTML, {
    morphStyle: "outerHTML",
    callbacks: {
      beforeNodeMorphed: (/** @type {Node} */ a, /** @type {Node} */ b) => !keepsPainting(a, b),
      beforeAttributeUpdated: (/** @type {string} */ name, /** @type {Element} */ node) => !isOurs(name, node),
    },
  });
}
