// A file of a gallery goes to the server as it is, and is never written to its disk.
const input = element.querySelector("input[type=file]");
const LIMIT = Number(element.querySelector("label").dataset.limit);

input.addEventListener("change", () => {
  const file = input.files[0];
  input.value = "";
  if (!file) return;
  if (file.size > LIMIT) {
    trigger("input", { size: file.size, data: "" });
    return;
  }
  const reader = new FileReader();
  reader.onload = () => {
    const data = String(reader.result);
    trigger("input", { size: file.size, data: data.slice(data.indexOf(",") + 1) });
  };
  reader.onerror = () => trigger("input", { size: 0, data: "" });
  reader.readAsDataURL(file);
});
