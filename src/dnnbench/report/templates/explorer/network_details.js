// All facts of the selected network.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const networkDetails = (() => {
  const { TEXTS, WORDS, fill } = wording;
  const { badge, element, nameOf, paragraph, swatch } = elements;
  const data = explorerData;

  const termsOf = ({ shown }, model) => [
    [TEXTS.family, data.networks[model].family || TEXTS.unknown],
    ...data.facts
      .filter(({ key, detail }) => !detail || shown[key])
      .map(({ key, title }) => [title, wording.shown({ shown }, key)]),
  ];

  const show = ({ part, answer: { judged, leftOut } }) => {
    const box = part(".details");
    const { network: model } = settings.now;
    box.hidden = !model;
    if (!model) return box.replaceChildren();
    const one = judged.find(({ network }) => network.model === model);
    const close = element("button", { type: "button", class: "close" }, TEXTS.clear);
    close.addEventListener("click", () => settings.pick(model));
    const badges = one ? [badge(one.fits)] : [];
    const title = paragraph("network", swatch(model), nameOf(model), ...badges, close);
    if (!one) {
      const reasons = leftOut[model] ?? TEXTS.no_row;
      return box.replaceChildren(title, paragraph("why", fill(WORDS.not_evaluated, { reasons })));
    }
    const pair = ([term, text]) => [element("dt", {}, term), element("dd", {}, text)];
    const list = termsOf(one.network, model).flatMap(pair);
    return box.replaceChildren(title, element("dl", {}, ...list));
  };

  return { show };
})();
