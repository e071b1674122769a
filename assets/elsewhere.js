// A photo that is dropped or pasted on a tab that takes none: the browser is kept from leaving the page for it, and where it
// can be given is said.
const said = element.querySelector(".elsewhere");
const left = new AbortController(); // the listeners on the page go when the component does
const taken = () => [...document.querySelectorAll(".probe, label[data-limit]")].some((place) => place.checkVisibility());

["paste", "dragover", "drop"].forEach((name) =>
  document.addEventListener(
    name,
    (event) => {
      if (!element.isConnected) left.abort();
      const given = event.clipboardData || event.dataTransfer;
      if (taken() || !given.types.includes("Files") || given.types.includes("text/plain")) return;
      event.preventDefault();
      if (name !== "dragover") said.textContent = "This tab takes no photos. Give it to the Workbench or the Gallery.";
    },
    { signal: left.signal },
  ),
);
document.addEventListener("click", () => (said.textContent = ""), { signal: left.signal });
