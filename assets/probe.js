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
  readFile(file, LIMIT, () => say(UNREADABLE));
};

const LINK = /^\s*((https?|ftp|file|blob|data):|www\.|[/~]\S*\.\w+\s*$|[a-z]:\\|\\\\)/i;
const linked = () => say("That is a link. This page opens no other page: save the picture, then choose the file.");
const pictureIn = (html) => new DOMParser().parseFromString(html, "text/html").querySelector("img[src]")?.getAttribute("src");

// A picture that is written out in its address is there already; one that is none reads as any other link.
const readWritten = async (address) => {
  try {
    const picture = await (await fetch(address.trim())).blob();
    (await createImageBitmap(picture)).close();
    read(picture);
  } catch {
    linked();
  }
};

// What is dropped or pasted: one file is read, everything else is told.
const take = (data) => {
  const { file, words } = oneFile(data, "photo", "a whole folder is enrolled on the command line.");
  const text = data.getData("text/plain");
  const address = pictureIn(data.getData("text/html")) || (LINK.test(text) ? text : data.getData("text/uri-list"));
  if (words) say(words);
  else if (file) read(file);
  else if (/^\s*data:image\//i.test(address)) readWritten(address);
  else if (address || data.types.includes("text/uri-list") || data.types.includes("text/x-moz-url")) linked();
  else say("There is no picture in that. Copy or drag the picture itself, or choose its file.");
};

// Text goes to the field that has the focus, also where it comes with a picture of itself, as from a table or a document.
const editable = (target) =>
  target instanceof Element &&
  (target.isContentEditable || target.matches("textarea, input:not([type=file], [type=radio], [type=checkbox], [type=range])"));
const forField = (target, data) => editable(target) && (!data.types.includes("Files") || data.types.includes("text/plain"));
const forAnother = (target) => target instanceof Element && target.closest("label[data-limit]"); // of another kind of file

const chosen = () => {
  if (input.files.length) read(input.files[0]);
  input.value = "";
};
input.addEventListener("change", chosen);
chosen(); // a file that was chosen before this script ran
onPage(document, "paste", (event) => {
  if (!shown() || forField(event.target, event.clipboardData)) return;
  event.preventDefault();
  take(event.clipboardData);
});
["dragover", "drop"].forEach((name) =>
  onPage(document, name, (event) => {
    if (editable(event.target) && !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault(); // otherwise the browser leaves the page for the file
    if (!shown() || forAnother(event.target)) {
      drop.classList.remove("probe-over");
      return;
    }
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
