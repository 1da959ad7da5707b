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

  // Identifies a configuration, in attributes and as a key.
  const keyOf = ({ model, variant }) => `${model}/${variant}`;

  // A button with a network's name, or with a text that includes it. A click selects the network.
  const networkOf = (model, text = nameOf(model)) => {
    const name = element("button", { type: "button", class: "name" }, text);
    name.addEventListener("click", () => settings.pick(model, name));
    return element("span", { class: "network" }, swatch(model), name);
  };

  const paragraph = (kind, ...children) => element("p", { class: kind }, ...children);

  const smallOf = (texts) => texts.filter(Boolean).map((text) => element("small", {}, text));

  // The mark of a noisy or disturbed latency, if it has one. A click shows the reason.
  const markOf = ({ model, stability, shown }) => {
    if (!marks[stability]) return [];
    const [title] = shown.stability;
    const attributes = { type: "button", class: "doubt", title, "aria-label": title };
    const mark = element("button", attributes, marks[stability]);
    mark.addEventListener("click", () => settings.pick(model, mark));
    return [mark];
  };

  // Numbers that depend on the latency.
  const TIMED = ["fps", "latency"];

  const cellOf = (network, key) => {
    if (!network.shown[key]) return ["–"];
    const [text, ...notes] = network.shown[key];
    return [text, ...(TIMED.includes(key) ? markOf(network) : []), ...smallOf(notes)];
  };

  return { at, badge, cellOf, element, keyOf, nameOf, networkOf, paragraph, smallOf, swatch };
})();
