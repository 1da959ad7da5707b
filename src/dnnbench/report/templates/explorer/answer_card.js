// The card with the answer: the best network, its numbers, and the limits that exclude better ones.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const answerCard = (() => {
  const { TEXTS, WORDS, fill } = wording;
  const { badge, cellOf, element, nameOf, networkOf, paragraph, smallOf } = elements;
  const data = explorerData;
  const NEAREST = 3;

  const statistics = ({ shown }) =>
    element(
      "dl",
      { class: "numbers" },
      ...tableColumns.shown
        .filter(({ key }) => shown[key])
        .map(({ key, title }) => {
          const number = element("dd", {}, ...cellOf(shown[key]));
          return element("div", {}, element("dt", {}, title), number);
        }),
    );

  const answered = ({ best, sure, found }) => {
    if (!best) return [];
    const parts = [
      paragraph(
        "best",
        networkOf(best.network.model),
        " ",
        badge(best.fits),
        " ",
        ...smallOf([wording.doubts(best)]),
      ),
      statistics(best.network),
    ];
    const { stability } = best.network;
    if (data.marks[stability]) parts.push(paragraph("count", WORDS[stability]));
    if (sure && best !== sure) {
      const [before, after] = wording.around("best_certain", {});
      parts.push(paragraph("sure", before, networkOf(sure.network.model), after));
    }
    const equals = found.filter((one) => one !== best && one.group === best.group);
    if (equals.length) {
      const names = wording.phrase(equals.map((one) => nameOf(one.network.model)));
      parts.push(paragraph("equals", fill(TEXTS.tied_with_best, { names })));
    }
    return parts;
  };

  const nearestTo = ({ nearest }) => {
    if (!nearest.length) return [];
    const items = nearest.slice(0, NEAREST).map(({ one: { network }, gives }) => {
      const needs = wording.phrase(gives.map(wording.give));
      const text = ` (${network.shown.top1[0]}): ${needs}`;
      return element("li", { "data-model": network.model }, networkOf(network.model), text);
    });
    const list = element("ul", { class: "nearest" }, ...items);
    return [paragraph("near", WORDS.nearest), list];
  };

  const boundBy = (answer) => {
    if (!answer.given.length || !answer.judged.length) return [];
    const items = answer.binding.map(
      ({
        give,
        miss: {
          one: { network },
        },
      }) => {
        const attributes = { "data-limit": give.control.name, "data-model": network.model };
        const top1 = judging.boundsOf(network, data.accuracy).value.toFixed(2);
        const [before, after] = wording.admits(give, top1);
        return element("li", attributes, before, networkOf(network.model), after);
      },
    );
    const text = paragraph(items.length ? "binds" : "count", wording.binding(answer));
    return items.length ? [text, element("ul", { class: "binding" }, ...items)] : [text];
  };

  // For a device without results at this batch size, list the batch sizes that it has.
  const sizesOf = ({ views }) => {
    const sizes = wording.phrase(Object.keys(views));
    return sizes ? fill(TEXTS.sizes, { size: settings.now.batch_size, sizes }) : TEXTS.no_results;
  };

  const partsOf = (answer) => [
    paragraph("question", wording.question(answer, settings.now.batch_size)),
    ...answered(answer),
    paragraph(answer.best ? "count" : "best count", wording.count(answer)),
    ...nearestTo(answer),
    ...boundBy(answer),
  ];

  const show = ({ part, device, answer }) => {
    const { best, sure, found, fit } = answer;
    const known = device.views[settings.now.batch_size];
    const box = part(".verdict");
    const parts = known ? partsOf(answer) : [paragraph("best count", sizesOf(device))];
    // Replacing equal parts would lose the focus.
    const made = element("div", {}, ...parts);
    if (made.innerHTML !== box.innerHTML) box.replaceChildren(...made.childNodes);
    Object.assign(box.dataset, {
      best: best?.network.model ?? "",
      sure: sure?.network.model ?? "",
      judged: answer.judged.length,
      fit,
      cannotTell: found.length - fit,
      better: answer.better.length,
    });
  };

  return { show };
})();
