/** Which elements are near the screen: only those are painted, completed and photographed. */

const MARGIN = "300px 0px";

/**
 * Keep a set of the elements that are near the screen.
 * @param {(element: HTMLElement) => void} entered called when one comes near
 */
export function nearScreen(entered) {
  /** @type {Set<HTMLElement>} */
  const near = new Set();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!(target instanceof HTMLElement)) continue;
        if (isIntersecting) {
          near.add(target);
          entered(target);
        } else near.delete(target);
      }
    },
    { rootMargin: MARGIN },
  );
  return {
    near,
    /** @param {Element} element */
    add: (element) => observer.observe(element),
    /** @param {HTMLElement} element */
    drop: (element) => {
      observer.unobserve(element);
      near.delete(element);
    },
  };
}
