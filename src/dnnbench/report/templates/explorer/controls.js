// The controls: device, batch size, variant, limits, and search.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const controls = (() => {
  const { TEXTS } = wording;
  const { at, nameOf } = elements;
  const MATCHES = "Matching networks: {names}.";
  const NO_MATCH = "No network matches.";
  const data = explorerData;

  const APART = "{label}, {device}";
  const UNLIKE = "{basis}, not comparable";
  const PROBLEMS = {
    number: "Not a number. No limit applies.",
    range: "Not above 0. No limit applies.",
    percentage: "At most 1%. Did you mean {percent}? No limit applies.",
  };

  // Why the number of an input is not used as a limit, or an empty string.
  const problemOf = (input) => {
    if (input.validity.badInput) return PROBLEMS.number;
    if (input.value === "") return "";
    const number = settings.positive(input.value);
    if (number === undefined) return PROBLEMS.range;
    const percent = Number((100 * number).toPrecision(6));
    if (input.dataset.unit === "%" && number <= 1)
      return wording.fill(PROBLEMS.percentage, { percent });
    return "";
  };

  const limitOf = (input) => (problemOf(input) ? undefined : settings.positive(input.value));

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

  // An address may name a size that the shown devices do not have.
  const showSizes = () => {
    const sizes = [...new Set([...settings.sizes(), settings.now.batch_size])];
    const options = sizes.sort((a, b) => a - b).map((size) => new Option(size, size));
    at("batch").replaceChildren(...options);
    at("batch").value = settings.now.batch_size;
  };

  // Rewriting a number while the user types it would move the cursor.
  const showExact = (id, limit) => {
    const input = at(id);
    const problem = limit === undefined ? problemOf(input) : "";
    if (!problem && settings.positive(input.value) !== limit) input.value = limit ?? "";
    at(input.getAttribute("aria-describedby").split(" ")[0]).textContent = problem;
    input.setAttribute("aria-invalid", problem !== "");
  };

  // Show the basis of a number, and a limit for the second device if its basis differs.
  const showBasis = ({ name, label, unit }) => {
    const [first, other] = settings.devices();
    const apart = settings.isApart(name);
    const basis = first?.bases[name] ?? "";
    at(`${name}-basis`).textContent = apart ? `${first.label}: ${basis || TEXTS.unknown}` : basis;
    at(`${name}-apart`).hidden = !apart;
    if (!apart) return;
    const title = wording.fill(APART, { label, device: other.label });
    at(`${name}-apart`).querySelector("label").textContent = title;
    at(`${name}-beside`).setAttribute("aria-label", `${title} in ${unit}`);
    const fields = { basis: other.bases[name] || TEXTS.unknown };
    at(`${name}-beside-basis`).textContent = wording.fill(UNLIKE, fields);
    showExact(`${name}-beside`, settings.now.apart[name]);
  };

  // A wide screen shows all controls. On a narrow one, those that are rarely used are folded away,
  // so that the answer is on the first screen.
  const wide = matchMedia("(min-width: 601px)");
  const fold = () => {
    at("more").open = wide.matches;
  };

  const showFolded = () => {
    const { variant, beside, family, search, limits } = settings.now;
    const folded = Object.keys(limits).filter((name) => at("more").contains(at(name)));
    const set = [variant, beside, family, search.trim(), ...folded].filter(Boolean).length;
    at("more-set").textContent = set ? `(${set} set)` : "";
  };

  const matchesText = () => {
    const names = settings.matches().map(nameOf);
    if (names.length) return wording.fill(MATCHES, { names: wording.phrase(names) });
    return settings.searched() ? NO_MATCH : "";
  };

  const show = () => {
    at("device").value = settings.now.device;
    at("beside").value = settings.now.beside;
    at("variant").value = settings.now.variant;
    showSizes();
    showFolded();
    at("search").value = settings.now.search;
    at("family").value = settings.now.family;
    for (const button of document.querySelectorAll(".families button")) {
      button.setAttribute("aria-pressed", button.dataset.family === settings.now.family);
    }
    at("matches").textContent = matchesText();
    at("all").checked = settings.now.all;
    for (const control of data.limits) {
      const limit = settings.now.limits[control.name];
      const text = limit === undefined ? TEXTS.no_limit : wording.amount(control, limit);
      at(control.name).value = placeOf(control, limit);
      at(control.name).setAttribute("aria-valuetext", text);
      showExact(`${control.name}-exact`, limit);
      if (control.basis) showBasis(control);
      at(control.name)
        .closest(".control")
        .classList.toggle("set", limit !== undefined);
    }
  };

  const listen = () => {
    fold();
    wide.addEventListener("change", fold);
    const on = (id, kind, change) =>
      at(id).addEventListener(kind, (event) => settings.change(change(event.target)));
    on("device", "change", ({ value }) => ({ device: value }));
    on("beside", "change", ({ value }) => ({ beside: value }));
    on("batch", "change", ({ value }) => ({ batch_size: Number(value) }));
    on("variant", "change", ({ value }) => ({ variant: value }));
    on("search", "input", ({ value }) => ({ search: value }));
    on("family", "change", ({ value }) => ({ family: value }));
    on("all", "change", ({ checked }) => ({ all: checked }));
    at("reset").addEventListener("click", () => {
      for (const input of document.querySelectorAll(".exact input")) input.value = "";
      settings.clear();
    });
    for (const control of data.limits) {
      at(control.name).max = control.stops.length;
      at(control.name).addEventListener("input", (event) =>
        settings.limit(control.name, limitAt(control, Number(event.target.value))),
      );
      at(`${control.name}-exact`).addEventListener("input", (event) =>
        settings.limit(control.name, limitOf(event.target)),
      );
      at(`${control.name}-beside`)?.addEventListener("input", (event) =>
        settings.limit(control.name, limitOf(event.target), settings.devices()[1]),
      );
    }
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && settings.now.network) settings.pick(settings.now.network);
    });
  };

  return { limitAt, listen, matchesText, placeOf, show };
})();
