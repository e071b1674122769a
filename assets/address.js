// The page's address says what is shown, so that it can be opened again: the tab and what the page alone knows are written
// here, the rest comes from the server as the component's value. Nothing of a photo is in it.
const left = new AbortController(); // the listeners on the page go when the component does
const onPage = (name, handler) =>
  document.addEventListener(name, (event) => (element.isConnected ? handler(event) : left.abort()), { signal: left.signal });
const PLAIN = { tab: "workbench", method: "ig", contrast: "0", overlay: "1" }; // what is not worth a word

const write = (words) => {
  const address = new URL(window.location.href);
  for (const [name, value] of Object.entries(words))
    if (value && value !== PLAIN[name]) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  history.replaceState(history.state, "", address);
};
const tabs = () => [...document.querySelectorAll('#tabs [role="tab"]')];
const nameOf = (tab) => tab.innerText.trim().toLowerCase();

onPage("ssn-view", ({ detail }) =>
  write({ method: detail.method, contrast: detail.contrast ? "1" : "0", overlay: detail.overlay ? "1" : "0" }),
);
onPage("click", (event) => {
  const tab = event.target.closest('[role="tab"]');
  if (tab) write({ tab: nameOf(tab) });
});
watch("value", () => props.value && write(JSON.parse(props.value)));

const wanted = new URLSearchParams(window.location.search).get("tab");
const open = (tries) => {
  const tab = tabs().find((one) => nameOf(one) === wanted);
  if (tab) tab.click();
  else if (tries) requestAnimationFrame(() => open(tries - 1));
};
if (wanted) open(300);
