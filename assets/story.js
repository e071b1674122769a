// On a telephone a step of the story brings what it is about into view, and the next step beside what is told of it. The
// explanation scrolls by itself.
watch("value", () =>
  requestAnimationFrame(() => {
    const step = element.querySelector(".story-text")?.dataset.step ?? "0";
    if (step === "0" || window.innerWidth > 760) return;
    document.querySelector("#story-steps .primary")?.scrollIntoView({ inline: "center", block: "nearest" });
    if (step !== "4") document.querySelector("#occlusion").scrollIntoView({ block: "start" });
  }),
);
