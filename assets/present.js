// Presentation mode: the whole screen, large type, pictures that grow at a click, and keys for what is shown next.
const button = element.querySelector(".present-button");
const hint = element.querySelector(".present-keys");
const large = element.querySelector("dialog");
const left = new AbortController(); // the listeners on the page go when the component does
const PICTURES = ".cell img, .reason figure img, .photo > div > img, .ranks img, .row5 img";
let example = -1;
let grown = -1;

const onPage = (name, handler) =>
  document.addEventListener(name, (event) => (element.isConnected ? handler(event) : left.abort()), { signal: left.signal });
const presenting = () => document.body.classList.contains("presenting");

const present = async (on) => {
  for (const place of [document.body, element.closest("#top").parentElement]) place.classList.toggle("presenting", on);
  button.setAttribute("aria-pressed", String(on));
  hint.hidden = !on;
  if (!on) {
    if (document.fullscreenElement) await document.exitFullscreen();
    return;
  }
  try {
    await document.documentElement.requestFullscreen();
  } catch {
    hint.dataset.note = "This browser did not give the whole screen; F11 may.";
  }
};
button.addEventListener("click", () => present(!presenting()));
onPage("fullscreenchange", () => document.fullscreenElement || present(false));

const grow = (picture) => {
  large.querySelector("img").src = picture.src;
  large.querySelector("img").alt = picture.alt;
  large.querySelector("p").textContent = [picture.alt, picture.closest("figure")?.querySelector("figcaption")?.innerText]
    .filter(Boolean)
    .join(" · ");
  if (!large.open) large.showModal();
};
large.addEventListener("click", () => large.close());
onPage("click", (event) => {
  const picture = presenting() && !event.target.closest("button") && event.target.closest(PICTURES);
  if (picture) grow(picture);
});

const nextMap = () => {
  const maps = [...document.querySelectorAll(".cell img")].filter((picture) => large.open || picture.checkVisibility());
  if (!maps.length) return;
  grown = large.open ? (grown + 1) % maps.length : 0;
  grow(maps[grown]);
};
const nextExample = (step) => {
  const examples = [...document.querySelectorAll('[data-action="example"]')];
  if (!examples.length) return;
  example = example < 0 && step < 0 ? examples.length - 1 : (example + step + examples.length) % examples.length;
  examples[example].closest("details").open = true;
  examples[example].click();
};
const mode = (number) => document.querySelectorAll("#occlusion input[type=radio]")[number - 1]?.click();

const typing = (target) =>
  target.isContentEditable || target.matches("textarea, select, input:not([type=file], [type=radio], [type=checkbox])");
onPage("keydown", (event) => {
  if (!presenting() || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const key = event.key.toLowerCase();
  if (key === "m") nextMap();
  else if (large.open) return;
  else if (key === "n") nextExample(1);
  else if (key === "p") nextExample(-1);
  else if (/^[1-9]$/.test(key)) mode(Number(key));
  else if (key === "escape") present(false);
});
