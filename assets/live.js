// Live: the camera's picture runs here, and one frame at a time goes to the server; the next is sent when that one is
// answered. What the answer says is drawn over the picture, which runs on meanwhile.
const video = element.querySelector("video");
const canvas = element.querySelector("canvas");
const context = canvas.getContext("2d");
const still = document.createElement("canvas");
const which = element.querySelector(".live-which");
const status = element.querySelector(".live-status");
const speed = element.querySelector(".live-speed");
const people = element.querySelector(".live-people");
const overlay = element.querySelector(".live-overlay input");
const WIDTH = 640; // pixels of a frame that is sent
const SECONDS = 3; // over which answers are counted
const PATIENCE = 15; // seconds after which an answer is lost, as where the line was broken or the server is busy
const COLOURS = { match: "#3ddc97", uncertain: "#ffd166", "no match": "#c3ccd4" };

let on = false;
let run = 0; // of the camera: answers to frames of another one are let go
let frame = 0;
let sentAt = 0;
let lost = 0; // the alarm of the frame that is under way
let faces = [];
let maps = new Map();
let answers = [];

const say = (text) => {
  status.textContent = text;
};
const shown = () => element.offsetParent !== null;

const tell = () => {
  people.replaceChildren(
    ...faces.map((face) => {
      const line = document.createElement("li");
      line.className = face.verdict.replace(" ", "-");
      const covered = face.covered ? ` · ${Math.round(100 * face.covered)} % covered` : "";
      const score = face.score === null ? "" : ` ${face.score.toFixed(3)}`;
      line.textContent = `${face.person || "nobody enrolled"} · ${face.verdict}${score}${face.largest ? " · largest" : ""}${covered}`;
      return line;
    }),
  );
};

const draw = () => {
  canvas.width = video.videoWidth || WIDTH; // which empties it too
  canvas.height = video.videoHeight || WIDTH;
  const scale = canvas.width / WIDTH;
  faces.forEach((face) => {
    const map = maps.get(face.number);
    if (map && map.complete && overlay.checked) {
      context.save();
      context.setTransform(...face.place.map((value) => value * scale));
      context.globalAlpha = 0.5;
      context.drawImage(map, 0, 0);
      context.restore();
    }
    const [x0, y0, x1, y1] = face.box.map((value) => value * scale);
    const size = Math.max(canvas.width / 40, (13 * canvas.width) / (canvas.clientWidth || canvas.width)); // as it is shown
    const text = face.person ? `${face.person} ${face.score.toFixed(2)}` : "not enrolled";
    context.strokeStyle = context.fillStyle = COLOURS[face.verdict];
    context.lineWidth = (face.largest ? 4 : 2) * Math.max(1, scale);
    context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    context.font = `600 ${size}px system-ui, sans-serif`;
    const wide = context.measureText(text).width + 12;
    const left = Math.max(0, Math.min(x0, canvas.width - wide));
    const top = y0 > size * 1.5 ? y0 - size * 1.5 : y1;
    context.fillRect(left, top, wide, size * 1.5);
    context.fillStyle = "#10202a";
    context.fillText(text, left + 6, top + size * 1.08);
  });
};

const send = () => {
  if (!on || !shown()) return;
  if (!video.videoWidth) {
    requestAnimationFrame(send);
    return;
  }
  still.width = WIDTH;
  still.height = Math.round((WIDTH * video.videoHeight) / video.videoWidth);
  still.getContext("2d").drawImage(video, 0, 0, still.width, still.height);
  const data = still.toDataURL("image/jpeg", 0.85);
  frame += 1;
  sentAt = performance.now();
  trigger("input", { run, frame, overlay: overlay.checked, data: data.slice(data.indexOf(",") + 1) });
  clearTimeout(lost);
  lost = setTimeout(() => {
    if (!on) return;
    say("The server does not answer. Trying again …");
    send();
  }, PATIENCE * 1000);
};

const camera = openCamera({
  video,
  which,
  say,
  shown,
  size: { width: { ideal: 1280 }, height: { ideal: 720 } },
  turned: (started) => {
    on = started;
    element.classList.toggle("live-on", on);
    run += 1;
    faces = [];
    maps = new Map();
    answers = [];
    speed.textContent = "";
    tell();
    draw();
    if (on) send();
  },
});
overlay.addEventListener("change", draw);
element.querySelector(".live-start").addEventListener("click", () => camera.start(""));
element.querySelector(".live-stop").addEventListener("click", camera.stop);

watch("value", () => {
  if (!props.value) return;
  const answer = JSON.parse(props.value);
  if (answer.run !== run || answer.frame !== frame || !on) return;
  clearTimeout(lost);
  say(answer.problem || (answer.faces.length ? "" : "No face in the picture."));
  faces = answer.faces;
  maps = new Map();
  faces.forEach((face) => {
    if (!face.map) return;
    const picture = new Image();
    picture.onload = draw;
    picture.src = face.map;
    maps.set(face.number, picture);
  });
  tell();
  draw();
  const now = performance.now();
  answers = [...answers, now].filter((moment) => now - moment < SECONDS * 1000);
  const per = answers.length > 1 ? (1000 * (answers.length - 1)) / (now - answers[0]) : 0;
  speed.textContent = per ? `${per.toFixed(1)} answers a second · ${Math.round(now - sentAt)} ms each` : "";
  element.dataset.answers = Number(element.dataset.answers || 0) + 1;
  element.dataset.latency = Math.round(now - sentAt);
  // A server that is busy is not asked again at once.
  if (answer.problem) setTimeout(send, 1000);
  else send();
});
