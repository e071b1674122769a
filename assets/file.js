// A chosen file, which is never written to the disk of the server.
const input = element.querySelector("input[type=file]");
const LIMIT = Number(element.querySelector("label").dataset.limit);

input.addEventListener("change", () => {
  const file = input.files[0];
  input.value = "";
  if (file) readFile(file, LIMIT, () => trigger("input", { size: 0, data: "" }));
});
