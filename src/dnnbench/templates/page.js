"use strict";
// Colours in the charts are CSS variables, so the theme and printing need no redrawing.
{
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const specs = read("charts");
  const options = { actions: false, renderer: "svg", config: read("theme"), tooltip: { theme: "custom" } };
  const draw = async (box) => {
    try {
      await vegaEmbed(box, specs[box.dataset.chart], options);
      box.dataset.drawn = "yes";
    } catch (error) {
      box.textContent = "This chart could not be drawn: " + error;
      console.error(error);
    }
  };
  Promise.all([...document.querySelectorAll("[data-chart]")].map(draw)).then(() => {
    document.documentElement.dataset.ready = "yes";
    // Sections have grown since the browser jumped to the one that the address names.
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  });
}
