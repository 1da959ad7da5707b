// The explorer: one panel per shown device, updated whenever a setting changes.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const explorer = (() => {
  const { TEXTS, WORDS, fill } = wording;
  const { at, element, nameOf } = elements;
  const panels = [];

  const addPanel = (device) => {
    const root = at("panel").content.cloneNode(true).querySelector("section");
    const part = (selector) => root.querySelector(selector);
    const panel = { device, root, part, rows: new Map(), order: "", chart: null, axis: null };
    root.dataset.device = device.key;
    root.setAttribute("aria-label", device.label);
    part("h3").append(device.label, element("small", {}, device.machine));
    part(".about").textContent = device.note;
    const listed = fill(TEXTS.networks_on, { device: device.label });
    part(".rows > h4").textContent = listed;
    part(".scroll").setAttribute("aria-label", listed);
    part("thead tr").append(...networkTable.heads());
    part(".axis-choice").addEventListener("change", (event) =>
      settings.change({ axis: event.target.value }),
    );
    part(".families").addEventListener("click", ({ target }) => {
      const { family } = target.closest("button")?.dataset ?? {};
      if (family) settings.change({ family: settings.now.family === family ? "" : family });
    });
    part(".download").addEventListener("click", () => csvDownload.save(panel));
    limitHandles.listen(panel);
    part(".hand-on").append(...chartImage.buttons(panel));
    at("panels").append(root);
    panels.push(panel);
  };

  const update = () => {
    const wanted = settings.devices();
    const layout = wanted.map((device) => device.key).join(" ");
    if (at("panels").dataset.devices !== layout) {
      panels.splice(0).forEach((panel) => {
        if (panel.chart) charts.forget(panel.chart);
        panel.root.remove();
      });
      wanted.forEach(addPanel);
      at("panels").dataset.devices = layout;
    }
    controls.show();
    const drawing = [];
    for (const panel of panels) {
      panel.part(".axis-choice").value = settings.now.axis;
      panel.answer = settings.answerOn(panel.device);
      panel.root.classList.toggle("several", panel.answer.variants.length > 1);
      answerCard.show(panel);
      networkTable.show(panel);
      if (panel.axis !== settings.now.axis) drawing.push(liveChart.draw(panel));
      else liveChart.fill(panel);
    }
    networkDetails.show(panels);
    charts.highlight(settings.highlighted());
    later();
    return Promise.all(drawing);
  };

  const summaryOf = ({ device, answer }) => {
    const { best: one } = answer;
    const name = one && wording.configuration(answer, one, nameOf);
    const best = one ? `${name}, ${one.network.shown.top1[0]}, ${WORDS[one.fits]}. ` : "";
    return `${device.label}: ${best}${wording.count(answer)}`;
  };

  // Update the URL and the screen reader's status only when the user pauses.
  let pause = 0;
  const later = () => {
    clearTimeout(pause);
    pause = setTimeout(() => {
      at("said").textContent = [controls.matchesText(), ...panels.map(summaryOf)].join(" ").trim();
      address.write();
    }, 250);
  };

  const start = async () => {
    settings.onChange = update;
    charts.onPick = settings.pick;
    controls.listen();
    address.listen();
    address.read();
    await update();
    document.documentElement.dataset.explored = "yes";
  };

  return { start };
})();
