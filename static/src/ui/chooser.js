/** Parts of a form that belong to one choice: shown with it, and without a script all of them. */

/** @param {HTMLElement} frame its first select chooses; `data-when` names the choices of a part */
export function chooser(frame) {
  const select = frame.querySelector("select");
  if (!(select instanceof HTMLSelectElement)) return;
  const follow = () => {
    for (const part of frame.querySelectorAll("[data-when]")) {
      if (!(part instanceof HTMLElement)) continue;
      part.hidden = !(part.dataset.when ?? "").split(" ").includes(select.value);
    }
  };
  select.addEventListener("change", follow);
  follow();
}
