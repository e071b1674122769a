// Where a probe comes from: a file (chosen, dropped or pasted anywhere on the tab) or a camera. The bytes go to the server as
// they are and are never written to its disk. What cannot be taken is answered here, in words. The component's value names
// the picture that the page shows; when it changes, the camera's work is done.
const status = element.querySelector(".probe-status");
const drop = element.querySelector(".probe-drop");
const input = element.querySelector("input[type=file]");
const video = element.querySelector("video");
const which = element.querySelector(".probe-which");
const LIMIT = Number(element.querySelector(".probe").dataset.limit);
const left = new AbortController(); // the listeners on the page go when the component does

const say = (text) => {
  status.textContent = text;
};
const shown = () => element.offsetParent !== null; // is its tab open?
const onPage = (target, name, handler) =>
  target.addEventListener(
    name,
    (event) => (element.isConnected ? handler(event) : left.abort()),
    { signal: left.signal },
  );

const read = (file) => {
  say("");
  readFile(file, LIMIT, () => say("The browser could not read this file. Is it a folder, or no longer there?"));
};

// What is dropped or pasted: one file is read, everything else is told.
const take = (data) => {
  const files = [...data.files];
  const folder = [...data.items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
  if (folder) say("That is a folder. Open it and choose one photo; a whole folder is enrolled on the command line.");
  else if (files.length > 1) say(`Those are ${files.length} files. Choose one photo at a time.`);
  else if (files.length === 1) read(files[0]);
  else if (data.types.includes("text/uri-list") || /^\s*(https?|file|data):/i.test(data.getData("text/plain")))
    say("That is a link. This page opens no other page: save the picture, then choose the file.");
  else say("There is no picture in that. Copy or drag the picture itself, or choose its file.");
};

const editable = (target) =>
  target instanceof Element &&
  (target.isContentEditable || target.matches("textarea, input:not([type=file], [type=radio], [type=checkbox], [type=range])"));

const chosen = () => {
  if (input.files.length) read(input.files[0]);
  input.value = "";
};
input.addEventListener("change", chosen);
chosen(); // a file that was chosen before this script ran
onPage(document, "paste", (event) => {
  if (!shown() || (editable(event.target) && !event.clipboardData.files.length)) return;
  event.preventDefault();
  take(event.clipboardData);
});
["dragover", "drop"].forEach((name) =>
  onPage(document, name, (event) => {
    if (editable(event.target) && !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault(); // otherwise the browser leaves the page for the file
    if (!shown()) return;
    drop.classList.toggle("probe-over", name === "dragover");
    if (name === "drop") take(event.dataTransfer);
  }),
);
onPage(document, "dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("probe-over");
});

const camera = openCamera({
  video,
  which,
  say,
  shown,
  size: { width: { ideal: 1280 }, height: { ideal: 720 } },
  turned: (on) => element.classList.toggle("probe-live", on),
});

element.querySelector(".probe-start").addEventListener("click", () => camera.start(""));
element.querySelector(".probe-stop").addEventListener("click", camera.stop);
element.querySelector(".probe-take").addEventListener("click", () => {
  if (!video.videoWidth) {
    say("The camera is not ready yet.");
    return;
  }
  const still = document.createElement("canvas");
  still.width = video.videoWidth;
  still.height = video.videoHeight;
  still.getContext("2d").drawImage(video, 0, 0);
  const data = still.toDataURL("image/png");
  trigger("input", { camera: true, data: data.slice(data.indexOf(",") + 1) });
});

// The camera ends with what it was opened for: another picture is shown, or one of the things it ends by itself for.
watch("value", camera.stop);
