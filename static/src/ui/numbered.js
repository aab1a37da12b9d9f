/** Line numbers beside a text area, for errors that name a line. */

/** @param {HTMLTextAreaElement} area */
export function number(area) {
  const frame = document.createElement("div");
  const gutter = document.createElement("div");
  frame.className = "numbered";
  gutter.className = "numbers";
  gutter.setAttribute("aria-hidden", "true");
  area.wrap = "off";
  area.before(frame);
  frame.append(gutter, area);
  const count = () => {
    const lines = area.value.split("\n").length;
    gutter.textContent = Array.from({ length: lines }, (_line, index) => index + 1).join("\n");
    // The box is as high as the area, whose handle a person may drag.
    gutter.style.height = `${area.offsetHeight}px`;
    gutter.scrollTop = area.scrollTop;
  };
  area.addEventListener("input", count);
  area.addEventListener("scroll", () => (gutter.scrollTop = area.scrollTop));
  new ResizeObserver(count).observe(area);
  count();
}
