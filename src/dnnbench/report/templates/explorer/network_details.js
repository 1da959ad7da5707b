// All facts of the selected network, shown where it was selected.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const networkDetails = (() => {
  const { TEXTS, WORDS, fill } = wording;
  const { badge, element, nameOf, paragraph, swatch } = elements;
  const data = explorerData;
  const CLOSE = "Close";
  const ON = "on {device}, batch size {size}";

  const termsOf = ({ shown }, model) => [
    [TEXTS.family, data.networks[model].family || TEXTS.unknown],
    ...data.facts
      .filter(({ key, detail }) => !detail || shown[key])
      .map(({ key, title }) => [title, wording.shown({ shown }, key)]),
  ];

  const boxOf = (device, { judged, leftOut }) => {
    const { network: model, batch_size: size } = settings.now;
    const one = judged.find(({ network }) => network.model === model);
    const close = element("button", { type: "button", class: "close" }, CLOSE);
    close.addEventListener("click", () => settings.pick(model));
    const badges = one ? [badge(one.fits)] : [];
    const where = element("small", {}, fill(ON, { device: device.label, size }));
    const title = paragraph("network", swatch(model), nameOf(model), where, ...badges, close);
    const box = element("div", { class: "details" }, title);
    if (one) {
      const pair = ([term, text]) => [element("dt", {}, term), element("dd", {}, text)];
      box.append(element("dl", {}, ...termsOf(one.network, model).flatMap(pair)));
    } else {
      const reasons = leftOut[model] ?? TEXTS.no_row;
      box.append(paragraph("why", fill(WORDS.not_evaluated, { reasons })));
    }
    return box;
  };

  // Below the network's row, or the chart, or else the answer.
  const place = (panel, box) => {
    const { origin } = settings;
    const row = panel.part(`.list tr[data-model="${settings.now.network}"]`);
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

  return { show };
})();
