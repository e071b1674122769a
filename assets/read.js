// A chosen file goes to the server as it is: `input` events carry its size and its bytes in base64, which are empty where it
// is larger than `limit`. `failed` is told where the browser cannot read it.
const readFile = (file, limit, failed) => {
  if (file.size > limit) {
    trigger("input", { size: file.size, data: "" });
    return;
  }
  const reader = new FileReader();
  reader.onload = () => {
    const data = String(reader.result);
    trigger("input", { size: file.size, data: data.slice(data.indexOf(",") + 1) });
  };
  reader.onerror = failed;
  reader.readAsDataURL(file);
};
