// Gradio gives every radio button a name of its own, so that each is a tab stop and the arrow keys do nothing. With one name
// a group the browser does the rest.
const group = () =>
  document.querySelectorAll("fieldset").forEach((fieldset) => {
    const radios = [...fieldset.querySelectorAll("input[type=radio]")];
    radios.filter((radio) => radio.name !== radios[0].name).forEach((radio) => (radio.name = radios[0].name));
  });
const left = new MutationObserver(() => (element.isConnected ? group() : left.disconnect()));
left.observe(document.body, { childList: true, subtree: true });
group();
