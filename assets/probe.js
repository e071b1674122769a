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
let stream = null;
let asked = 0; // the number of the last request for a camera: an earlier one that comes late is let go

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
  if (file.size > LIMIT) {
    trigger("input", { size: file.size, data: "" });
    return;
  }
  const reader = new FileReader();
  reader.onload = () => {
    const data = String(reader.result);
    trigger("input", { size: file.size, data: data.slice(data.indexOf(",") + 1) });
  };
  reader.onerror = () => say("The browser could not read this file. Is it a folder, or no longer there?");
  reader.readAsDataURL(file);
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

const stop = () => {
  asked += 1;
  if (stream) stream.getTracks().forEach((track) => track.stop());
  stream = null;
  video.srcObject = null;
  element.classList.remove("probe-live");
};

const REFUSED = {
  NotAllowedError: "The camera was not allowed. Allow it beside the page's address, then try again.",
  NotFoundError: "No camera was found. Connect one, then try again.",
  OverconstrainedError: "That camera is no longer there. Choose another one.",
  NotReadableError: "The camera is used by another program. Close it there, then try again.",
};

const list = async (current) => {
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
  which.replaceChildren(
    ...cameras.map((device, place) => {
      const option = new Option(device.label || `Camera ${place + 1}`, device.deviceId);
      option.selected = device.deviceId === current;
      return option;
    }),
  );
  which.hidden = cameras.length < 2;
};

const start = async (device) => {
  if (!navigator.mediaDevices) {
    say("The browser gives the camera only to pages from https or localhost.");
    return;
  }
  stop();
  const mine = asked;
  const wanted = device ? { deviceId: { exact: device } } : {};
  let opened;
  try {
    const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
    opened = await navigator.mediaDevices.getUserMedia({ video: { ...size, ...wanted } });
  } catch (error) {
    say(REFUSED[error.name] || "The camera could not be started. Try again, or choose a file.");
    return;
  }
  if (mine !== asked || !shown() || document.hidden) {
    opened.getTracks().forEach((track) => track.stop());
    return;
  }
  say("");
  stream = opened;
  video.srcObject = stream;
  element.classList.add("probe-live");
  const [track] = stream.getVideoTracks();
  track.addEventListener("ended", () => {
    stop();
    say("The camera was taken away.");
  });
  await list(track.getSettings().deviceId);
};

element.querySelector(".probe-start").addEventListener("click", () => start(""));
element.querySelector(".probe-stop").addEventListener("click", stop);
which.addEventListener("change", () => start(which.value));
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

// The camera ends with what it was opened for: another picture is shown, another tab, another page, or this one is left.
watch("value", stop);
new ResizeObserver(() => shown() || stop()).observe(element);
onPage(document, "visibilitychange", () => document.hidden && stop());
onPage(window, "pagehide", stop);
