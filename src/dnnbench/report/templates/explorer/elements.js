// Elements that several parts of the explorer are built from.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const elements = (() => {
  const { marks, networks } = explorerData;
  const at = (id) => document.getElementById(id);
  const nameOf = (model) => networks[model].name;

  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  const swatch = (model) => {
    const made = element("span", { class: "swatch" });
    made.style.background = networks[model].color;
    return made;
  };

  const badge = (fits) => element("span", { class: `badge ${fits}` }, wording.WORDS[fits]);

  // A button with the network's name. A click selects the network.
  const networkOf = (model) => {
    const name = element("button", { type: "button", class: "name" }, nameOf(model));
    name.addEventListener("click", () => settings.pick(model, name));
    return element("span", { class: "network" }, swatch(model), name);
  };

  const paragraph = (kind, ...children) => element("p", { class: kind }, ...children);

  const smallOf = (texts) => texts.filter(Boolean).map((text) => element("small", {}, text));

  // The mark of a noisy or disturbed latency, if it has one.
  const markOf = ({ stability, shown }) =>
    marks[stability]
      ? [element("span", { class: "doubt", title: shown.stability[0] }, ` ${marks[stability]}`)]
      : [];

  const cellOf = (texts) => (texts ? [texts[0], ...smallOf(texts.slice(1))] : ["–"]);

  return { at, badge, cellOf, element, markOf, nameOf, networkOf, paragraph, smallOf, swatch };
})();
