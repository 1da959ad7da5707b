// The card with the answer: the best network, its numbers, and the limits that exclude better ones.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const answerCard = (() => {
  const { TEXTS, WORDS, fill } = wording;
  const { badge, cellOf, element, nameOf, networkOf, paragraph } = elements;
  const data = explorerData;
  const NEAREST = 3;
  const RIVALS = 5;

  const statistics = (network) =>
    element(
      "dl",
      { class: "numbers" },
      ...tableColumns.shown
        .filter(({ key }) => network.shown[key])
        .map(({ key, title }) => {
          const number = element("dd", {}, ...cellOf(network, key));
          return element("div", {}, element("dt", {}, title), number);
        }),
    );

  const stabilityOf = ({ stability, shown }) =>
    WORDS[stability]
      ? fill(TEXTS.stability, { verdict: WORDS[stability] })
      : fill(TEXTS.no_stability, { reason: shown.stability[0] });

  const answered = ({ best, found }) => {
    if (!best) return [];
    const parts = [
      paragraph("best", networkOf(best.network.model), " ", badge(best.fits)),
      statistics(best.network),
      paragraph("count stability", stabilityOf(best.network)),
    ];
    const equals = found.filter(
      (one) => one !== best && one.fits === "yes" && one.group === best.group,
    );
    if (equals.length) {
      const names = wording.phrase(equals.map((one) => nameOf(one.network.model)));
      parts.push(paragraph("equals", fill(TEXTS.tied_with_best, { names })));
    }
    return parts;
  };

  // Inconclusive networks that might be better than the best, and what would settle it.
  const rivalsOf = ({ best, rivals }) => {
    if (!rivals.length) return [];
    const items = rivals.slice(0, RIVALS).map((one) => {
      const { model, shown, stability } = one.network;
      const numbers = [shown.top1[0], wording.shown(one.network, "latency")];
      if (data.marks[stability]) numbers.push(stability);
      const text = `: ${wording.phrase(numbers)}. ${wording.doubt(one)}`;
      return element("li", { "data-model": model }, networkOf(model), text);
    });
    const more = rivals.length - items.length;
    if (more) items.push(element("li", {}, fill(WORDS.and_more, { count: more })));
    const heading = paragraph("near", best ? WORDS.might_be_better : WORDS.might_fit);
    return [heading, element("ul", { class: "rivals" }, ...items)];
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

  // Limits of the first device that do not apply here, because the number means something else.
  const notApplied = ({ bases }, { given }) =>
    data.limits
      .filter(({ name }) => settings.now.limits[name] !== undefined && settings.isApart(name))
      .filter((control) => !given.some((one) => one.control === control))
      .map((control) => {
        const { name, word } = control;
        const limit = wording.amount(control, settings.now.limits[name]);
        const basis = bases[name] || TEXTS.unknown;
        return paragraph("not-applied", fill(TEXTS.not_applied, { limit, word, basis }));
      });

  const copyOf = (device, answer) => {
    const { batch_size: size } = settings.now;
    const text = () => decision.markdown({ device, size, answer, nameOf });
    return handover.copyButton(TEXTS.copy_decision, () => handover.copyText(text()));
  };

  const partsOf = (device, answer) => [
    paragraph("question", wording.question(answer, settings.now.batch_size)),
    ...notApplied(device, answer),
    ...answered(answer),
    paragraph(answer.best ? "count" : "best count", wording.count(answer)),
    ...rivalsOf(answer),
    ...nearestTo(answer),
    ...boundBy(answer),
    copyOf(device, answer),
  ];

  const show = ({ part, device, answer }) => {
    const { best, found, fit, rivals } = answer;
    const known = device.views[settings.now.batch_size];
    const box = part(".verdict");
    const parts = known ? partsOf(device, answer) : [paragraph("best count", sizesOf(device))];
    // Replacing equal parts would lose the focus.
    const made = element("div", {}, ...parts);
    if (made.innerHTML !== box.innerHTML) box.replaceChildren(...made.childNodes);
    Object.assign(box.dataset, {
      best: best?.network.model ?? "",
      rivals: rivals.map(({ network }) => network.model).join(" "),
      judged: answer.judged.length,
      fit,
      cannotTell: found.length - fit,
      better: answer.better.length,
    });
  };

  return { show };
})();
