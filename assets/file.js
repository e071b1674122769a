// A file, chosen or dropped on its place, which is never written to the disk of the server.
const place = element.querySelector("label");
const input = element.querySelector("input[type=file]");
const said = element.querySelector(".probe-status");
const LIMIT = Number(place.dataset.limit);

const read = (file) => {
  said.textContent = "";
  readFile(file, LIMIT, () => (said.textContent = UNREADABLE));
};

input.addEventListener("change", () => {
  const file = input.files[0];
  input.value = "";
  if (file) read(file);
});
["dragover", "drop", "dragleave"].forEach((name) =>
  place.addEventListener(name, (event) => {
    event.preventDefault();
    place.classList.toggle("probe-over", name === "dragover");
    if (name !== "drop") return;
    const { file, words } = oneFile(event.dataTransfer, "file", "pack it into one.");
    if (file) read(file);
    else said.textContent = words || "There is no file in that. Drag the file itself, or choose it.";
  }),
);
