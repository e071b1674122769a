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

const UNREADABLE = "The browser could not read this file. Is it a folder, or no longer there?";

// What is dropped or pasted → its one `file`, or `words` for what is more than that, or neither.
const oneFile = (data, what, whole) => {
  const files = [...data.files];
  const folder = [...data.items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
  if (folder) return { words: `That is a folder. Open it and choose one ${what}; ${whole}` };
  if (files.length > 1) return { words: `Those are ${files.length} files. Choose one ${what} at a time.` };
  return { file: files[0] };
};
