// Colors in the charts are CSS variables, so themes and printing need no redrawing.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const charts = (() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const options = {
    actions: false,
    renderer: "svg",
    config: read("theme"),
    tooltip: { theme: "custom" },
  };
  const views = new Set();
  let models = [];
  const charts = { onPick: () => {} };

  // Draw a chart in an element. A click on a network's mark selects the network.
  charts.embed = async (box, spec) => {
    const { view } = await vegaEmbed(box, spec, options);
    view.addEventListener("click", (_event, item) => {
      if (!item?.datum?.model) return;
      // The tooltip would cover the details.
      document.getElementById("vg-tooltip-element")?.classList.remove("visible");
      charts.onPick(item.datum.model, box);
    });
    views.add(view);
    view.signal("highlighted", models).run();
    return view;
  };

  charts.forget = (view) => {
    views.delete(view);
    view.finalize();
  };

  // Fade the marks of all other networks in every chart. An empty list fades none.
  charts.highlight = (chosen) => {
    if (JSON.stringify(chosen) === JSON.stringify(models)) return;
    models = chosen;
    for (const view of views) view.signal("highlighted", models).runAsync();
    for (const row of document.querySelectorAll("table.grid [data-model]")) {
      row.classList.toggle("faded", models.length > 0 && !models.includes(row.dataset.model));
    }
  };

  charts.drawFigures = async () => {
    const specs = read("charts");
    for (const box of document.querySelectorAll("[data-chart]")) {
      try {
        await charts.embed(box, specs[box.dataset.chart]);
        box.dataset.drawn = "yes";
      } catch (error) {
        box.textContent = `This chart could not be drawn: ${error}`;
        console.error(error);
      }
      // Yield to the browser so that the page stays responsive while drawing.
      await new Promise((resolve) => setTimeout(resolve));
    }
    document.documentElement.dataset.ready = "yes";
    // Drawing moved the sections, so jump again to the one named in the URL.
    const hash = location.hash.slice(1);
    const section = new URLSearchParams(hash).get("section") ?? hash;
    if (section) document.getElementById(section)?.scrollIntoView();
  };
  return charts;
})();
