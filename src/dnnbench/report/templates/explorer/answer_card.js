// The card with the answer: the best configuration, its numbers, and the limits that exclude better
// ones.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const answerCard = (() => {
  const { TEXTS, WORDS, fill } = wording;
  const { badge, cellOf, element, keyOf, nameOf, networkOf, paragraph } = elements;
  const data = explorerData;
  const NEAREST = 3;
  const RIVALS = 5;

  const configurationOf = (answer, one) =>
    networkOf(one.network.model, wording.configuration(answer, one, nameOf));

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

  const answered = (answer) => {
    const { best, found } = answer;
    if (!best) return [];
    const parts = [
      paragraph("best", configurationOf(answer, best), " ", badge(best.fits)),
      statistics(best.network),
      paragraph("count stability", stabilityOf(best.network)),
      ...wording.environments([best]).map((text) => paragraph("count", text)),
    ];
    const equals = found.filter(
      (one) => one !== best && one.fits === "yes" && one.group === best.group,
    );
    if (equals.length) {
      const names = wording.phrase(equals.map((one) => wording.configuration(answer, one, nameOf)));
      parts.push(paragraph("equals", fill(TEXTS.tied_with_best, { names })));
    }
    return parts;
  };

  // Inconclusive configurations that might be better than the best, and what would settle it.
  const rivalsOf = (answer) => {
    const { best, rivals } = answer;
    if (!rivals.length) return [];
    const items = rivals.slice(0, RIVALS).map((one) => {
      const { model, shown, stability } = one.network;
      const numbers = [shown.top1[0], wording.shown(one.network, "latency")];
      if (data.marks[stability]) numbers.push(stability);
      const text = `: ${wording.phrase(numbers)}. ${wording.doubt(one)}`;
      return element("li", { "data-model": model }, configurationOf(answer, one), text);
    });
    const more = rivals.length - items.length;
    if (more) items.push(element("li", {}, fill(WORDS.and_more, { count: more })));
    const heading = paragraph("near", best ? WORDS.might_be_better : WORDS.might_fit);
    return [heading, element("ul", { class: "rivals" }, ...items)];
  };

  const nearestTo = (answer) => {
    if (!answer.nearest.length) return [];
    const items = answer.nearest.slice(0, NEAREST).map(({ one, gives }) => {
      const { model, shown } = one.network;
      const needs = wording.phrase(gives.map(wording.give));
      const text = ` (${shown.top1[0]}): ${needs}`;
      return element("li", { "data-model": model }, configurationOf(answer, one), text);
    });
    const list = element("ul", { class: "nearest" }, ...items);
    return [paragraph("near", WORDS.nearest), list];
  };

  const boundBy = (answer) => {
    if (!answer.given.length || !answer.judged.length) return [];
    const items = answer.binding.map(({ give, miss: { one } }) => {
      const attributes = { "data-limit": give.control.name, "data-model": one.network.model };
      const [before, after] = wording.admits(give, one.top1.toFixed(2));
      return element("li", attributes, before, configurationOf(answer, one), after);
    });
    const text = paragraph(items.length ? "binds" : "count", wording.binding(answer));
    return items.length ? [text, element("ul", { class: "binding" }, ...items)] : [text];
  };

  const atOtherSizes = (device, answer) => {
    const answerTo = (view) => settings.answerTo(device, view);
    const { batch_size: size } = settings.now;
    return judging.betterSizes(device.views, size, answer.best, answerTo).map((other) => {
      const [before, after] = wording.atSize(other);
      return paragraph("count", before, configurationOf(answer, other.best), after);
    });
  };

  // For a device without results at this batch size or in this variant, list those that it has.
  const missingOn = ({ views }) => {
    const { batch_size: size, variant } = settings.now;
    const sizes = wording.phrase(Object.keys(views));
    if (!sizes) return TEXTS.no_results;
    if (!views[size]) return fill(TEXTS.sizes, { size, sizes });
    const variants = wording.phrase(views[size].variants);
    return fill(TEXTS.variants, { variant, variants });
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
    ...atOtherSizes(device, answer),
    copyOf(device, answer),
  ];

  const show = ({ part, device, answer }) => {
    const { best, fit, inconclusive, rivals } = answer;
    const box = part(".verdict");
    const parts = answer.variants.length
      ? partsOf(device, answer)
      : [paragraph("best count", missingOn(device))];
    // Replacing equal parts would lose the focus.
    const made = element("div", {}, ...parts);
    if (made.innerHTML !== box.innerHTML) box.replaceChildren(...made.childNodes);
    Object.assign(box.dataset, {
      best: best ? keyOf(best.network) : "",
      rivals: rivals.map(({ network }) => keyOf(network)).join(" "),
      judged: answer.judged.length,
      fit,
      cannotTell: inconclusive.length,
      better: answer.better.length,
    });
  };

  return { show };
})();
