// The occlusion brush: a 128×128 mask painted over the aligned face. Only the mask's bits travel to the server, one message
// at a time: the next is sent when the last was answered, so that the pictures follow the brush without a queue.
const SIDE = 128;
const canvas = element.querySelector("canvas");
const context = canvas.getContext("2d");
const share = element.querySelector(".brush-share");
const size = element.querySelector(".brush-size");
const layer = document.createElement("canvas");
layer.width = layer.height = SIDE;
const layerContext = layer.getContext("2d");

let mask = new Uint8Array(SIDE * SIDE);
let face = null;
let token = "";
let erasing = false;
let last = null;
let hover = null;
let undone = [];
let waiting = false;
let dirty = false;
let sentAt = 0;
let frame = null; // what the keys move: the middle, and the sides, of a rectangle in face pixels
let number = 0; // of the last message: the server drops one that a later has overtaken
element.classList.add("brush-empty");

const unpack = (text) => {
  const bytes = atob(text);
  const bits = new Uint8Array(SIDE * SIDE);
  for (let i = 0; i < bits.length; i++) bits[i] = (bytes.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1;
  return bits;
};

const pack = (bits) => {
  const bytes = new Uint8Array(bits.length / 8);
  for (let i = 0; i < bits.length; i++) bytes[i >> 3] |= bits[i] << (7 - (i & 7));
  return btoa(String.fromCharCode(...bytes));
};

// Left, top, width and height of the rectangle the keys move.
const edges = () => [frame.x - frame.width / 2, frame.y - frame.height / 2, frame.width, frame.height];

const draw = () => {
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!face) return;
  context.imageSmoothingEnabled = true;
  context.drawImage(face, 0, 0, canvas.width, canvas.height);
  const picture = layerContext.createImageData(SIDE, SIDE);
  let hidden = 0;
  for (let i = 0; i < mask.length; i++) {
    picture.data[4 * i + 3] = 255 * mask[i];
    hidden += mask[i];
  }
  layerContext.putImageData(picture, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(layer, 0, 0, canvas.width, canvas.height);
  if (hover) {
    const scale = canvas.width / SIDE;
    context.lineWidth = 2;
    context.strokeStyle = erasing ? "#ffd166" : "#40e0d0";
    context.beginPath();
    context.arc(hover[0] * scale, hover[1] * scale, (size.value / 2) * scale, 0, 2 * Math.PI);
    context.stroke();
  }
  if (frame) {
    const scale = canvas.width / SIDE;
    context.lineWidth = 3;
    context.strokeStyle = erasing ? "#ffd166" : "#40e0d0";
    context.strokeRect(...edges().map((edge) => edge * scale));
  }
  share.textContent = `${((100 * hidden) / mask.length).toFixed(1)} % hidden`;
};

const stamp = (x, y) => {
  const radius = size.value / 2;
  const value = erasing ? 0 : 1;
  for (let j = Math.max(0, Math.floor(y - radius)); j < Math.min(SIDE, y + radius); j++)
    for (let i = Math.max(0, Math.floor(x - radius)); i < Math.min(SIDE, x + radius); i++)
      if ((i + 0.5 - x) ** 2 + (j + 0.5 - y) ** 2 <= radius * radius) mask[j * SIDE + i] = value;
};

const line = (from, to) => {
  const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1])));
  for (let k = 0; k <= steps; k++)
    stamp(from[0] + ((to[0] - from[0]) * k) / steps, from[1] + ((to[1] - from[1]) * k) / steps);
};

const send = () => {
  if (waiting && Date.now() - sentAt < 8000) {
    dirty = true;
    return;
  }
  dirty = false;
  waiting = true;
  sentAt = Date.now();
  number += 1;
  trigger("input", { token, mask: pack(mask), stroke: sentAt, number });
};

const remember = () => {
  undone.push(mask.slice());
  if (undone.length > 60) undone.shift();
};

const place = (event) => {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
};

canvas.addEventListener("pointerdown", (event) => {
  if (!face || event.button !== 0) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  remember();
  last = place(event);
  line(last, last);
  draw();
});
canvas.addEventListener("pointermove", (event) => {
  hover = place(event);
  if (last) {
    line(last, hover);
    last = hover;
    if (Date.now() - sentAt > 150) send();
  }
  draw();
});
const finish = () => {
  if (!last) return;
  last = null;
  send();
};
canvas.addEventListener("pointerup", finish);
canvas.addEventListener("pointercancel", finish);
canvas.addEventListener("pointerleave", () => {
  hover = null;
  draw();
});

// Without a mouse: the arrow keys move a rectangle, + and - change its size, Enter hides (or reveals) what is in it.
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const GROWS = { "+": 1.25, "=": 1.25, "-": 0.8 };
const within = (value, low, high) => Math.min(high, Math.max(low, value));

const fill = () => {
  const [x, y, width, height] = edges().map(Math.round);
  for (let j = Math.max(0, y); j < Math.min(SIDE, y + height); j++)
    for (let i = Math.max(0, x); i < Math.min(SIDE, x + width); i++) mask[j * SIDE + i] = erasing ? 0 : 1;
};

canvas.addEventListener("keydown", (event) => {
  if (!face || event.ctrlKey || event.metaKey || event.altKey) return;
  const { key } = event;
  if (!(key in MOVES || key in GROWS || key === "Enter" || key === "Delete" || (key === "Escape" && frame))) return;
  event.preventDefault();
  event.stopPropagation();
  const first = frame === null;
  frame ??= { x: SIDE / 2, y: SIDE / 2, width: 48, height: 32 };
  if (key === "Escape") frame = null;
  else if (key in MOVES && !first) {
    frame.x = within(frame.x + MOVES[key][0] * (event.shiftKey ? 1 : 4), 0, SIDE);
    frame.y = within(frame.y + MOVES[key][1] * (event.shiftKey ? 1 : 4), 0, SIDE);
  } else if (key in GROWS) {
    frame.width = within(frame.width * GROWS[key], 4, SIDE);
    frame.height = within(frame.height * GROWS[key], 4, SIDE);
  } else if (key === "Enter" && !first) {
    remember();
    fill();
    send();
  } else if (key === "Delete") element.querySelector(".brush-clear").click();
  draw();
});
canvas.addEventListener("blur", () => {
  frame = null;
  draw();
});

const modes = element.querySelectorAll(".brush-mode");
modes.forEach((button) =>
  button.addEventListener("click", () => {
    erasing = button.dataset.mode === "erase";
    modes.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
  }),
);
element.querySelector(".brush-undo").addEventListener("click", () => {
  if (!undone.length) return;
  mask = undone.pop();
  draw();
  send();
});
element.querySelector(".brush-clear").addEventListener("click", () => {
  if (!face) return;
  remember();
  mask = new Uint8Array(SIDE * SIDE);
  draw();
  send();
});

const receive = () => {
  if (!props.value) return;
  const message = JSON.parse(props.value);
  if (message.kind === "answer") {
    if (message.stroke !== sentAt) return; // of a message that was sent again since
    element.dataset.latency = Date.now() - message.stroke;
    waiting = false;
    if (dirty) send();
    return;
  }
  waiting = false;
  dirty = false;
  last = null;
  if (message.kind === "mask") {
    if (message.token !== token) return; // of a face that is gone
    mask = unpack(message.mask);
    draw();
    return;
  }
  if (message.token !== token) undone = [];
  token = message.token;
  mask = unpack(message.mask);
  element.classList.toggle("brush-empty", !message.face);
  if (!message.face) {
    face = null;
    share.textContent = "";
    draw();
    return;
  }
  const picture = new Image();
  picture.onload = () => {
    face = picture;
    draw();
  };
  picture.src = message.face;
};
watch("value", receive);
receive();
