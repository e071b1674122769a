// Where a probe comes from: a file (chosen, dropped or pasted) or the camera. The bytes go to the server as they are and are
// never written to its disk.
const status = element.querySelector(".probe-status");
const drop = element.querySelector(".probe-drop");
const input = element.querySelector("input[type=file]");
const camera = element.querySelector(".probe-camera");
const video = element.querySelector("video");
const LIMIT = Number(element.querySelector(".probe").dataset.limit);
let stream = null;

const say = (text) => {
  status.textContent = text;
};

const read = (file) => {
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
  reader.onerror = () => say("The browser could not read this file.");
  reader.readAsDataURL(file);
};

input.addEventListener("change", () => {
  read(input.files[0]);
  input.value = "";
});
["dragover", "dragleave", "drop"].forEach((name) =>
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("probe-over", name === "dragover");
    if (name === "drop") read(event.dataTransfer.files[0]);
  }),
);
element.addEventListener("paste", (event) => read(event.clipboardData.files[0]));

const stop = () => {
  if (stream) stream.getTracks().forEach((track) => track.stop());
  stream = null;
  video.srcObject = null;
  element.classList.remove("probe-live");
};

element.querySelector(".probe-start").addEventListener("click", async () => {
  if (!navigator.mediaDevices) {
    say("The browser gives the camera only to pages from https or localhost.");
    return;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, height: { ideal: 720 } } });
  } catch (error) {
    say(error.name === "NotAllowedError" ? "The camera was not allowed." : "No camera was found.");
    return;
  }
  say("");
  video.srcObject = stream;
  element.classList.add("probe-live");
});
element.querySelector(".probe-stop").addEventListener("click", stop);
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
  stop();
  trigger("input", { camera: true, data: data.slice(data.indexOf(",") + 1) });
});
