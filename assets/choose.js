// Buttons inside rendered HTML: a click on one tells the server its data attributes.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-action]");
  if (button && element.contains(button)) trigger("click", { ...button.dataset });
});
