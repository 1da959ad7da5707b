// The controls: device, batch size, limits, and search.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const controls = (() => {
  const { TEXTS } = wording;
  const { at } = elements;
  const data = explorerData;

  // A slider has one position per stop, and one more at its loose end for no limit.
  const limitAt = ({ minimum, stops }, place) => stops[minimum ? place - 1 : place];
  const placeOf = ({ minimum, stops }, limit) => {
    if (limit === undefined) return minimum ? 0 : stops.length;
    const index = minimum
      ? stops.findLastIndex((stop) => stop <= limit)
      : stops.findIndex((stop) => stop >= limit);
    const inside = index < 0 ? (minimum ? 0 : stops.length - 1) : index;
    return minimum ? inside + 1 : inside;
  };

  const show = () => {
    at("device").value = settings.now.device;
    at("beside").value = settings.now.beside;
    at("batch").value = data.sizes.indexOf(settings.now.batch_size);
    at("batch-text").textContent = settings.now.batch_size;
    at("batch").setAttribute("aria-valuetext", settings.now.batch_size);
    at("search").value = settings.now.search;
    at("family").value = settings.now.family;
    at("all").checked = settings.now.all;
    for (const control of data.limits) {
      const limit = settings.now.limits[control.name];
      const exact = at(`${control.name}-exact`);
      const text = limit === undefined ? TEXTS.no_limit : wording.amount(control, limit);
      at(control.name).value = placeOf(control, limit);
      at(control.name).setAttribute("aria-valuetext", text);
      // Rewriting a number while the user types it would move the cursor.
      if (settings.positive(exact.value) !== limit) exact.value = limit ?? "";
      at(control.name)
        .closest(".control")
        .classList.toggle("set", limit !== undefined);
    }
  };

  const listen = () => {
    const on = (id, kind, change) =>
      at(id).addEventListener(kind, (event) => settings.change(change(event.target)));
    on("device", "change", ({ value }) => ({ device: value }));
    on("beside", "change", ({ value }) => ({ beside: value }));
    on("batch", "input", ({ value }) => ({ batch_size: data.sizes[value] }));
    on("search", "input", ({ value }) => ({ search: value }));
    on("family", "change", ({ value }) => ({ family: value }));
    on("all", "change", ({ checked }) => ({ all: checked }));
    on("reset", "click", () => ({ limits: {} }));
    at("batch").max = Math.max(data.sizes.length - 1, 0);
    for (const control of data.limits) {
      at(control.name).max = control.stops.length;
      at(control.name).addEventListener("input", (event) =>
        settings.limit(control.name, limitAt(control, Number(event.target.value))),
      );
      at(`${control.name}-exact`).addEventListener("input", (event) =>
        settings.limit(control.name, settings.positive(event.target.value)),
      );
    }
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && settings.now.network) settings.pick(settings.now.network);
    });
  };

  return { listen, show };
})();
