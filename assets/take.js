// Buttons that ask for a file. Its bytes come in the component's value, and the browser saves them: nothing lies on the
// server's disk.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-action]");
  if (button && element.contains(button)) trigger("click", { ...button.dataset });
});

watch("value", () => {
  if (!props.value) return;
  const message = JSON.parse(props.value);
  const bytes = Uint8Array.from(atob(message.data), (letter) => letter.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: message.kind }));
  link.download = message.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
});
