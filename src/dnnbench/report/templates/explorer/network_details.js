// All facts of the selected network in each variant, shown where it was selected.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const networkDetails = (() => {
  const { TEXTS, WORDS, fill } = wording;
  const { badge, element, nameOf, paragraph, smallOf, swatch } = elements;
  const data = explorerData;
  const CLOSE = "Close";
  const ON = "on {device}, batch size {size}";

  const FITTING = ["yes", "cannot_tell", "no"];

  // The network's configurations, best for the limits first.
  const configurationsOf = ({ judged }, model) =>
    judged
      .filter(({ network }) => network.model === model)
      .sort((a, b) => FITTING.indexOf(a.fits) - FITTING.indexOf(b.fits) || a.place - b.place);

  const factsOf = (own) =>
    data.facts.filter(
      ({ key, detail }) => !detail || own.some(({ network }) => network.shown[key]),
    );

  // Facts that all configurations share.
  const listOf = (facts, { network }) => {
    const family = data.networks[network.model].family || TEXTS.unknown;
    const terms = [
      [TEXTS.family, family],
      ...facts.map(({ key, title }) => [title, wording.shown(network, key)]),
    ];
    const pair = ([term, text]) => [element("dt", {}, term), element("dd", {}, text)];
    return element("dl", {}, ...terms.flatMap(pair));
  };

  // Facts that differ between the configurations, one row for each.
  const tableOf = (device, facts, own) => {
    const columns = [
      { title: TEXTS.variant },
      { title: TEXTS.fits },
      ...facts.filter(({ column }) => column),
      ...facts.filter(({ column }) => !column),
    ];
    const kind = ({ column }) => (column ? {} : { class: "words" });
    const heads = columns.map((one) => element("th", { scope: "col", ...kind(one) }, one.title));
    const cellOf = ({ shown }, fact) => {
      const [text, ...notes] = shown[fact.key] ?? [TEXTS.unknown];
      return element("td", kind(fact), text, ...smallOf(notes));
    };
    const rows = own.map((one) => {
      const why = one.fits === "yes" ? "" : wording.words(one, one.fits);
      const fits = element("td", { class: "words" }, badge(one.fits), ...smallOf([why]));
      const variant = element("th", { scope: "row", class: "words" }, one.network.variant);
      const cells = columns.slice(2).map((fact) => cellOf(one.network, fact));
      return element("tr", {}, variant, fits, ...cells);
    });
    const table = element(
      "table",
      { class: "plain" },
      element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...rows),
    );
    const fields = { network: nameOf(own[0].network.model), device: device.label };
    const label = fill(TEXTS.variants_of, fields);
    const attributes = { class: "scroll", tabindex: 0, role: "region", "aria-label": label };
    return element("div", attributes, table);
  };

  const contentOf = (device, own) => {
    const facts = factsOf(own);
    const same = ({ key }) =>
      new Set(own.map(({ network }) => wording.shown(network, key))).size < 2;
    const list = listOf(facts.filter(same), own[0]);
    if (own.length === 1) return [list];
    const others = facts.filter((fact) => !same(fact));
    return [list, tableOf(device, others, own)];
  };

  // Why the network cannot be evaluated, or some of its configurations.
  const reasonsOf = (answer, model, own) => {
    const known = answer.leftOut.filter((one) => one.model === model);
    if (!known.length && own.length) return [];
    const reasons = known.length ? wording.reasons(answer, known, nameOf) : TEXTS.no_row;
    return [paragraph("why", fill(WORDS.not_evaluated, { reasons }))];
  };

  const boxOf = (device, answer) => {
    const { network: model, batch_size: size } = settings.now;
    const own = configurationsOf(answer, model);
    const close = element("button", { type: "button", class: "close" }, CLOSE);
    close.addEventListener("click", () => settings.pick(model));
    const badges = own.length === 1 ? [badge(own[0].fits)] : [];
    const where = element("small", {}, fill(ON, { device: device.label, size }));
    const title = paragraph("network", swatch(model), nameOf(model), where, ...badges, close);
    const content = own.length ? contentOf(device, own) : [];
    const reasons = reasonsOf(answer, model, own);
    return element("div", { class: "details" }, title, ...content, ...reasons);
  };

  // Below the network's row, or the chart, or else the answer.
  const place = (panel, box) => {
    const { origin } = settings;
    const selector = `.list tr[data-model="${settings.now.network}"]`;
    const clicked = origin?.closest(selector);
    const row = panel.root.contains(clicked) ? clicked : panel.part(selector);
    if (origin?.closest(".list") && row) {
      const cell = element("td", { colspan: row.children.length }, box);
      row.after(element("tr", { class: "opened" }, cell));
    } else if (origin?.closest(".panel figure")) panel.part("ul.marks").before(box);
    else panel.part(".verdict").after(box);
  };

  // A figure of one device shows the facts on it; other figures show them for every panel.
  const placeAt = (figure, panels) => {
    const own = data.devices.filter(({ key }) => figure.closest(`[id="device-${key}"]`));
    const devices = own.length ? own : panels.map(({ device }) => device);
    const boxes = devices.map((device) => boxOf(device, settings.answerOn(device)));
    figure.querySelector(".scroll").after(...boxes);
  };

  let shown = "";
  const show = (panels) => {
    for (const old of document.querySelectorAll(".opened, .details")) old.remove();
    const { network: model } = settings.now;
    if (model) {
      const figure = settings.origin?.closest("main figure:not(.panel figure)");
      if (figure) placeAt(figure, panels);
      else for (const panel of panels) place(panel, boxOf(panel.device, panel.answer));
    }
    const picked = model && settings.origin;
    if (picked && shown !== model) bring(picked);
    else if (!model && shown && settings.origin?.isConnected) settings.origin.focus();
    shown = model;
  };

  // Scroll only as far as necessary, for the details that belong to the element.
  const bring = (origin) => {
    const near = origin.closest("figure, .panel") ?? document;
    near.querySelector(".details")?.scrollIntoView({ block: "nearest", behavior: "instant" });
  };

  return { configurationsOf, show };
})();
