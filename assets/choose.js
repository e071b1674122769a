// Buttons inside rendered HTML: a click on one tells the server its data attributes. A group marked data-roving is one tab
// stop; the arrow keys move within it.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-action]");
  if (button && element.contains(button)) trigger("click", { ...button.dataset });
});

const stops = (group) => [...group.querySelectorAll("summary, button[data-action]")];
const rest = (group, at) => stops(group).forEach((stop) => (stop.tabIndex = stop === at ? 0 : -1));
const arrange = () =>
  element.querySelectorAll("[data-roving]").forEach((group) => {
    const all = stops(group);
    if (all.length && all.filter((stop) => stop.getAttribute("tabindex") === "0").length !== 1) rest(group, all[0]);
  });
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

element.addEventListener("keydown", (event) => {
  const group = event.target.closest("[data-roving]");
  if (!group || !(event.key in STEPS)) return;
  event.preventDefault();
  const open = stops(group).filter((stop) => stop.checkVisibility());
  open[(open.indexOf(event.target) + STEPS[event.key] + open.length) % open.length].focus();
});
element.addEventListener("focusin", (event) => {
  const group = event.target.closest("[data-roving]");
  if (group) rest(group, event.target.closest("summary, button[data-action]"));
});
new MutationObserver(arrange).observe(element, { childList: true, subtree: true });
arrange();
