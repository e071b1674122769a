// The threshold of a match is moved over the scores of strangers and of the people enrolled. One message at a time goes to the
// server, whose answer says what the threshold means; the handle itself follows the hand at once.
const box = element.querySelector(".strangers");
const svg = element.querySelector("svg");
const range = element.querySelector("input[type=range]");
const percent = element.querySelector("input[type=number]");
const said = element.querySelector(".strangers-said");
const HEIGHT = 150;
const TOP = 18; // for the names of the thresholds
const BOTTOM = 20; // for the scores
const LEAST = 0.01; // strangers of a bin; the counts are on a logarithmic scale, so that the tail is seen

let shown = null;
let held = false; // is the handle in somebody's hand?
let at = 0; // where it is
let waiting = false;
let next = null;
let number = 0;

const send = (question) => {
  if (waiting) {
    next = question;
    return;
  }
  waiting = true;
  number += 1;
  trigger("input", { ...question, number });
};

const draw = () => {
  if (!shown) return;
  const width = svg.clientWidth || 260;
  const { from, to, expected, enrolled } = shown;
  const x = (score) => ((score - from) / (to - from)) * width;
  const top = Math.log(Math.max(2, ...expected, ...enrolled) / LEAST);
  const y = (count) => HEIGHT - BOTTOM - (Math.log(Math.max(count, LEAST) / LEAST) / top) * (HEIGHT - BOTTOM - TOP);
  const wide = width / expected.length;
  const base = y(LEAST);
  const line = expected.map((count, place) => `${place * wide},${y(count)} ${(place + 1) * wide},${y(count)}`).join(" ");
  const bars = enrolled
    .map((count, place) => count && `<rect class="enrolled" x="${place * wide + 0.5}" y="${y(count)}" width="${wide - 1}" height="${base - y(count)}"/>`)
    .filter(Boolean)
    .join("");
  const counts = [0.1, 1, 10, 100]
    .filter((count) => y(count) > TOP + 6)
    .map((count) => `<path class="grid" d="M0 ${y(count)}H${width}"/><text x="2" y="${y(count) - 3}">${count}</text>`)
    .join("");
  const scores = [0, 0.5].map((score) => `<text x="${x(score)}" y="${HEIGHT - 5}" text-anchor="middle">${score}</text>`).join("");
  const uncertain = Math.min(shown.uncertain, at);
  const atEdge = x(at) > width - 50; // no room for its name at the right
  const limit = (kind, name, score, anchor, shift) =>
    `<path class="${kind}" d="M${x(score)} ${TOP - 2}V${base}"/><text class="${kind}" x="${x(score) + shift}" y="12" text-anchor="${anchor}">${name}</text>`;
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.innerHTML =
    `<polygon class="expected" points="0,${base} ${line} ${width},${base}"/>${counts}${bars}<path class="axis" d="M0 ${base}H${width}"/>${scores}` +
    `<path class="first" d="M${x(shown.first)} ${base + 1}l5 9h-10z"/>` +
    limit("uncertain", atEdge && x(at) - x(uncertain) < 52 ? "" : "uncertain", uncertain, "end", -4) +
    limit("match", "match", at, atEdge ? "end" : "start", atEdge ? -10 : 10) +
    `<circle class="match" cx="${x(at)}" cy="${(base + TOP) / 2}" r="8"/>`;
};

// Where the server says the threshold is: nearer than where the handle was left, if that is beyond what can be said.
const settle = () => {
  if (!shown || held || waiting) return;
  range.min = shown.from;
  range.max = shown.to;
  range.value = at = shown.match;
};

const receive = () => {
  box.hidden = !props.value;
  shown = props.value ? JSON.parse(props.value) : null;
  waiting = false;
  if (!shown) return;
  said.textContent = shown.said;
  range.setAttribute("aria-valuetext", shown.said);
  if (document.activeElement !== percent) percent.value = shown.percent;
  if (next) {
    const question = next;
    next = null;
    send(question);
  } else settle();
  draw();
};

range.addEventListener("input", () => {
  at = Number(range.value);
  draw();
  send({ score: at });
});
range.addEventListener("pointerdown", () => (held = true));
["pointerup", "pointercancel", "change"].forEach((name) =>
  range.addEventListener(name, () => {
    held = false;
    settle();
    draw();
  }),
);
percent.addEventListener("change", () => send({ percent: Number(percent.value) }));
new ResizeObserver(draw).observe(svg);
watch("value", receive);
receive();
