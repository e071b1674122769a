// Two states under one handle: the range lies over the whole picture, so that a mouse, a finger and the arrow keys move it.
// The pictures are those of the sides beside it.
const shownSides = () => [...element.querySelectorAll(".sides > section")];
const chosenOf = (slide, kind) => slide.querySelector(`[data-slide="${kind}"]`);

const arrange = (slide) => {
  const board = slide.querySelector(".slide-board");
  const range = board.querySelector("input");
  const picture = chosenOf(slide, "picture");
  const name = picture.selectedOptions[0].textContent;
  const titles = ["left", "right"].map((kind, place) => {
    const chosen = chosenOf(slide, kind);
    const side = shownSides()[chosen.value];
    const title = chosen.selectedOptions[0].textContent;
    const image = board.querySelectorAll("img")[place];
    image.src = side.querySelectorAll(".row5 img")[picture.value].src;
    image.alt = `${title}: ${name}`;
    const said = slide.querySelectorAll(".slide-said p")[place];
    said.replaceChildren(Object.assign(document.createElement("b"), { textContent: title }), ` ${side.dataset.said}`);
    return title;
  });
  board.style.setProperty("--at", `${range.value}%`);
  range.setAttribute("aria-valuetext", `${range.value} % ${titles[0]}, ${100 - range.value} % ${titles[1]}`);
};

// A new comparison keeps the handle and the choices where they were.
watch("value", () => requestAnimationFrame(() => element.querySelectorAll(".slide").forEach(arrange)));
["input", "change"].forEach((name) =>
  element.addEventListener(name, (event) => {
    const slide = event.target.closest(".slide");
    if (slide) arrange(slide);
  }),
);
