// The explorer: its state, which is stored in the URL, and the panels drawn from it.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const explorer = (() => {
  const data = explorerData;
  const { TEXTS, WORDS, fill } = wording;
  const devices = new Map(data.devices.map((device) => [device.key, device]));
  const axes = new Map(data.axes.map((axis) => [axis.name, axis]));
  const families = [...new Set(Object.values(data.networks).map((one) => one.family))];
  const at = (id) => document.getElementById(id);
  const nameOf = (model) => data.networks[model].name;
  const NEAREST = 3;

  // State, stored in the URL --------------------------------------------------------------------

  const initial = () => ({
    device: data.devices[0]?.key ?? "",
    beside: "",
    batch_size: data.sizes[0] ?? 1,
    limits: {},
    search: "",
    family: "",
    axis: data.axes[0].name,
    network: "",
    all: false,
    sort: "rank",
    descending: false,
  });
  let state = initial();

  const toAddress = () => {
    const words = new URLSearchParams();
    const usual = initial();
    for (const [key, value] of Object.entries(state)) {
      if (key !== "limits" && value !== usual[key]) words.set(key, value);
    }
    for (const [name, limit] of Object.entries(state.limits)) words.set(name, limit);
    return words.toString();
  };

  const positive = (text) => {
    const number = Number(text);
    return number > 0 && number < Infinity ? number : undefined;
  };

  // Unknown or invalid parameters of the URL are ignored.
  const fromAddress = (text) => {
    const words = new URLSearchParams(text);
    const read = initial();
    const choose = (key, allowed) => {
      if (words.has(key) && allowed(words.get(key))) read[key] = words.get(key);
    };
    choose("device", (key) => devices.has(key));
    choose("beside", (key) => devices.has(key));
    choose("axis", (key) => axes.has(key));
    choose("network", (key) => Object.hasOwn(data.networks, key));
    choose("family", (key) => key !== "" && families.includes(key));
    choose("search", () => true);
    choose("sort", (key) => columns.some((column) => column.key === key));
    read.sort = FORMER_COLUMNS.get(words.get("sort")) ?? read.sort;
    read.all = words.get("all") === "true";
    read.descending = words.get("descending") === "true";
    const size = Number(words.get("batch_size"));
    if (data.sizes.includes(size)) read.batch_size = size;
    for (const { name } of data.limits) {
      const limit = positive(words.get(name));
      if (limit !== undefined) read.limits[name] = limit;
    }
    return read;
  };

  // Elements -----------------------------------------------------------------------------------

  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  const swatch = (model) => {
    const made = element("span", { class: "swatch" });
    made.style.background = data.networks[model].color;
    return made;
  };

  const badge = (fits) => element("span", { class: `badge ${fits}` }, WORDS[fits]);

  // A button with the network's name. A click selects the network.
  const networkOf = (model) => {
    const name = element("button", { type: "button", class: "name" }, nameOf(model));
    name.addEventListener("click", () => pick(model));
    return element("span", { class: "network" }, swatch(model), name);
  };

  const paragraph = (kind, ...children) => element("p", { class: kind }, ...children);

  const smallOf = (texts) => texts.filter(Boolean).map((text) => element("small", {}, text));

  const cellOf = (texts) => (texts ? [texts[0], ...smallOf(texts.slice(1))] : ["–"]);

  // Rank, name, and verdict depend on the answer; the other columns are facts of the network.
  const numberOf = ({ bounds }, { limit, reverse }) =>
    bounds[limit] ? bounds[limit][0] * (reverse ? -1 : 1) : null;
  const minima = new Set(data.limits.filter(({ minimum }) => minimum).map(({ name }) => name));
  const FITTING = ["yes", "cannot_tell", "no"];
  const columns = [
    { key: "rank", title: "#", order: (one) => one.place },
    { key: "name", title: "Network", order: (one) => nameOf(one.network.model).toLowerCase() },
    { key: "fits", title: "Fits", order: (one) => FITTING.indexOf(one.fits) },
    ...data.facts
      .filter(({ column }) => column)
      .map((fact) => ({
        key: fact.key,
        title: fact.title,
        number: true,
        order: ({ network }) => numberOf(network, fact),
        // The first click sorts best first: largest first if the limit is a minimum.
        descending: !fact.reverse && minima.has(fact.limit),
      })),
  ];
  // Columns that addresses of earlier versions name differently.
  const FORMER_COLUMNS = new Map([["time", "latency"]]);
  const shownColumns = columns.filter((column) => column.number);

  // Highlighting -------------------------------------------------------------------------------

  const sought = (model) => {
    const { name, family } = data.networks[model];
    const text = state.search.trim().toLowerCase();
    return (
      (!text || name.toLowerCase().includes(text) || model.includes(text)) &&
      (!state.family || family === state.family)
    );
  };
  const searched = () => Boolean(state.search.trim() || state.family);
  const highlighted = () => {
    if (state.network) return [state.network];
    if (!searched()) return [];
    const found = Object.keys(data.networks).filter(sought);
    // If nothing matches, an unknown key fades every network.
    return found.length ? found : [""];
  };

  // Panels, one per device ----------------------------------------------------------------------

  const panels = [];

  const addPanel = (device) => {
    const root = at("panel").content.cloneNode(true).querySelector("section");
    const part = (selector) => root.querySelector(selector);
    const panel = { device, root, part, rows: new Map(), order: "", chart: null, axis: null };
    root.dataset.device = device.key;
    root.setAttribute("aria-label", device.label);
    part("h3").append(device.label, element("small", {}, device.machine));
    part(".about").textContent = device.note;
    part(".scroll").setAttribute("aria-label", fill(TEXTS.networks_on, { device: device.label }));
    for (const column of columns) {
      const button = element("button", { type: "button" }, column.title);
      button.addEventListener("click", () => sortBy(column.key));
      part("thead tr").append(element("th", { scope: "col", "data-key": column.key }, button));
    }
    part(".axis-choice").addEventListener("change", (event) => {
      state.axis = event.target.value;
      update();
    });
    part(".download").addEventListener("click", () => download(panel));
    at("panels").append(root);
    panels.push(panel);
  };

  const rowOf = (panel, one) => {
    const key = `${state.batch_size} ${one.network.model}`;
    if (!panel.rows.has(key)) {
      const { model, shown, stability } = one.network;
      const network = networkOf(model);
      const rank = element("td");
      const fits = element("td", { class: "words" });
      const tie = element("span", { class: "tie" });
      const cells = shownColumns.map((column) =>
        element("td", { "data-key": column.key }, ...cellOf(shown[column.key])),
      );
      cells[0].firstChild.after(tie);
      if (data.marks[stability]) {
        const title = shown.stability[0];
        const mark = element("span", { class: "doubt", title }, ` ${data.marks[stability]}`);
        cells.find((cell) => cell.dataset.key === "fps").firstChild.after(mark);
      }
      const versus = element("small");
      const head = element("th", { scope: "row" }, network, versus);
      const row = element("tr", { "data-model": model }, rank, head, fits, ...cells);
      panel.rows.set(key, { row, rank, fits, tie, versus, name: network.lastChild });
    }
    return panel.rows.get(key);
  };

  const sortBy = (key) => {
    const { descending = false } = columns.find((column) => column.key === key);
    state.descending = state.sort === key ? !state.descending : descending;
    state.sort = key;
    update();
  };

  // Unknown values come last in both directions.
  const sorted = (list) => {
    const { order } = columns.find((column) => column.key === state.sort);
    const sign = state.descending ? -1 : 1;
    return [...list].sort((a, b) => {
      const [x, y] = [order(a), order(b)];
      if (x === null || y === null) return (x === null) - (y === null) || a.place - b.place;
      return sign * ((x > y) - (x < y)) || a.place - b.place;
    });
  };

  const listed = ({ judged }) =>
    sorted(judged.filter((one) => (state.all || one.fits !== "no") && sought(one.network.model)));

  const statistics = ({ shown }) =>
    element(
      "dl",
      { class: "numbers" },
      ...shownColumns
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

  const showAnswer = (panel) => {
    const { answer } = panel;
    const { best, sure, found, fit } = answer;
    const box = panel.part(".verdict");
    box.replaceChildren(
      paragraph("question", wording.question(answer, state.batch_size)),
      ...answered(answer),
      paragraph(best ? "count" : "best count", wording.count(answer)),
      ...nearestTo(answer),
      ...boundBy(answer),
    );
    Object.assign(box.dataset, {
      best: best?.network.model ?? "",
      sure: sure?.network.model ?? "",
      judged: answer.judged.length,
      fit,
      cannotTell: found.length - fit,
      better: answer.better.length,
    });
  };

  // For a device without results at this batch size, list the batch sizes that it has.
  const showSizes = (panel) => {
    const sizes = wording.phrase(Object.keys(panel.device.views));
    const text = sizes ? fill(TEXTS.sizes, { size: state.batch_size, sizes }) : TEXTS.no_results;
    panel.part(".verdict").replaceChildren(paragraph("best count", text));
  };

  const showDetails = (panel) => {
    const box = panel.part(".details");
    const { judged, leftOut } = panel.answer;
    box.hidden = !state.network;
    if (box.hidden) return box.replaceChildren();
    const one = judged.find(({ network }) => network.model === state.network);
    const close = element("button", { type: "button", class: "close" }, TEXTS.clear);
    close.addEventListener("click", () => pick(state.network));
    const name = [swatch(state.network), nameOf(state.network)];
    const title = paragraph("network", ...name, ...(one ? [badge(one.fits)] : []), close);
    if (!one) {
      const reasons = leftOut[state.network] ?? TEXTS.no_row;
      return box.replaceChildren(title, paragraph("why", fill(WORDS.not_evaluated, { reasons })));
    }
    const terms = [
      [TEXTS.family, data.networks[state.network].family || TEXTS.unknown],
      ...data.facts
        .filter(({ key, detail }) => !detail || one.network.shown[key])
        .map(({ key, title }) => [title, wording.shown(one.network, key)]),
    ];
    const pair = ([term, text]) => [element("dt", {}, term), element("dd", {}, text)];
    const list = terms.flatMap(pair);
    return box.replaceChildren(title, element("dl", {}, ...list));
  };

  const showTable = (panel) => {
    const { answer } = panel;
    const letters = wording.letters(answer.found);
    const list = listed(answer);
    const rows = list.map((one) => {
      const { row, rank, fits, tie, versus, name } = rowOf(panel, one);
      const picked = one.network.model === state.network;
      row.dataset.fits = one.fits;
      row.dataset.group = one.group ?? "";
      row.dataset.undecided = undecided(one);
      row.classList.toggle("picked", picked);
      name.setAttribute("aria-pressed", picked);
      rank.textContent = one.rank ?? "–";
      tie.textContent = letters.has(one.group) ? ` ${letters.get(one.group)}` : "";
      versus.textContent = wording.versus(one, nameOf);
      const why = one.fits === "yes" ? "" : wording.words(one, one.fits);
      fits.replaceChildren(badge(one.fits), ...smallOf([why]));
      return row;
    });
    // Replacing rows would lose the focus, so do it only if their order has changed.
    const order = [state.batch_size, ...list.map((one) => one.network.model)].join(" ");
    if (panel.order !== order) panel.part("tbody").replaceChildren(...rows);
    panel.order = order;
    for (const head of panel.part("thead").querySelectorAll("th")) {
      const sort = state.descending ? "descending" : "ascending";
      if (head.dataset.key === state.sort) head.setAttribute("aria-sort", sort);
      else head.removeAttribute("aria-sort");
    }
    const stabilities = new Set(list.map((one) => one.network.stability));
    const marked = Object.keys(data.marks).filter((one) => stabilities.has(one));
    const latencies = new Set(list.map((one) => one.latency));
    const compared = ["equivalent", "inconclusive"].filter((one) => latencies.has(one));
    const networks = answer.judged.length;
    const notes = [
      fill(TEXTS.listed, { listed: list.length, networks, size: state.batch_size }),
      ...(list.length ? [TEXTS.small_print] : []),
      ...(list.length && letters.size ? [wording.tied(answer.found)] : []),
      ...marked.map((one) => WORDS[one]),
      ...compared.map((one) => WORDS[one]),
      ...(list.length || !searched() ? [] : [TEXTS.no_match]),
    ];
    // Without results, the answer already lists the batch sizes that have some.
    panel.part(".summary").textContent = networks ? notes.join(" ") : "";
    const reasons = wording.reasons(answer.leftOut, nameOf);
    panel.part(".left-out").textContent = reasons ? fill(WORDS.not_evaluated, { reasons }) : "";
    panel.root.dataset.leftOut = Object.keys(answer.leftOut).join(" ");
  };

  // Names of the limits that a network's bounds straddle, joined as in `dnnbench pick --csv`.
  const undecided = (one) =>
    judging
      .controlsOf(one, "cannot_tell")
      .map((control) => control.name)
      .join("+");

  // The chart ----------------------------------------------------------------------------------

  // Two devices shown together share the same axes.
  const endsOf = () => {
    const extent = (name) => {
      const ends = shownDevices().map((device) => device.extents[name]);
      return [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))];
    };
    const [x_low, x_high] = extent(state.axis);
    const [y_low, y_high] = extent(data.accuracy);
    return { x_low, x_high, y_low, y_high };
  };

  const fillChart = (panel) => {
    if (!panel.chart || panel.axis !== state.axis) return;
    const { answer, chart } = panel;
    const { minimum } = axes.get(state.axis);
    const points = plotting.pointsOf(answer.judged, state.axis, data.networks);
    const front = plotting.frontOf(
      points.filter((point) => point.fits !== "no"),
      minimum,
    );
    const { [state.axis]: x, [data.accuracy]: y } = state.limits;
    // Label the best and the selected network first, then the front, then highlighted ones.
    const marked = new Set(highlighted());
    const first = [answer.best?.network.model, state.network];
    const named = [
      ...points.filter((point) => first.includes(point.model)),
      ...front,
      ...points.filter((point) => marked.has(point.model)),
    ];
    chart
      .data("points", points)
      .data("front", plotting.cornersOf(front, endsOf(), minimum))
      .data("limits", [...(x ? [{ x }] : []), ...(y ? [{ y }] : [])])
      .data("names", plotting.namesOf(named, chart))
      .run();
  };

  const drawChart = async (panel) => {
    const box = panel.part(".plot");
    if (panel.chart) charts.forget(panel.chart);
    panel.axis = state.axis;
    panel.chart = null;
    const { chart } = axes.get(state.axis);
    const ends = endsOf();
    const params = chart.params.map((one) => ({ ...one, value: ends[one.name] ?? one.value }));
    const view = await charts.embed(box, { ...chart, params });
    // The user may have chosen another device or axis while this chart was drawn.
    if (panel.axis !== state.axis || !panels.includes(panel)) return charts.forget(view);
    panel.chart = view;
    // Which names fit depends on the width, which may change even while the page loads.
    view.addSignalListener("width", () => setTimeout(() => fillChart(panel), 100));
    fillChart(panel);
  };

  // Updating the page ---------------------------------------------------------------------------

  const shownDevices = () =>
    [state.device, state.beside !== state.device ? state.beside : ""]
      .filter((key) => devices.has(key))
      .map((key) => devices.get(key));

  const viewOf = (device) =>
    device.views[state.batch_size] ?? { networks: [], ties: [], left_out: {} };

  const update = () => {
    const wanted = shownDevices();
    const layout = wanted.map((device) => device.key).join(" ");
    if (at("panels").dataset.devices !== layout) {
      panels.splice(0).forEach((panel) => {
        if (panel.chart) charts.forget(panel.chart);
        panel.root.remove();
      });
      wanted.forEach(addPanel);
      at("panels").dataset.devices = layout;
    }
    showControls();
    const drawing = [];
    for (const panel of panels) {
      panel.part(".axis-choice").value = state.axis;
      panel.answer = judging.judge(viewOf(panel.device), data.limits, state.limits);
      showAnswer(panel);
      if (!panel.device.views[state.batch_size]) showSizes(panel);
      showDetails(panel);
      showTable(panel);
      if (panel.axis !== state.axis) drawing.push(drawChart(panel));
      else fillChart(panel);
    }
    charts.highlight(highlighted());
    later();
    return Promise.all(drawing);
  };

  // Update the URL and the screen reader's status only when the user pauses.
  let pause = 0;
  const later = () => {
    clearTimeout(pause);
    pause = setTimeout(() => {
      at("said").textContent = panels
        .map(({ device, answer }) => {
          const { network, fits } = answer.best ?? {};
          const best = network
            ? `${nameOf(network.model)}, ${network.shown.top1[0]}, ${WORDS[fits]}. `
            : "";
          return `${device.label}: ${best}${wording.count(answer)}`;
        })
        .join(" ");
      const address = toAddress();
      if (location.hash.slice(1) !== address && (address || location.hash.includes("="))) {
        history.replaceState(null, "", address ? `#${address}` : location.href.split("#")[0]);
      }
    }, 250);
  };

  const pick = (model) => {
    state.network = state.network === model ? "" : model;
    update();
  };

  // Controls -----------------------------------------------------------------------------------

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

  const showControls = () => {
    at("device").value = state.device;
    at("beside").value = state.beside;
    at("batch").value = data.sizes.indexOf(state.batch_size);
    at("batch-text").textContent = state.batch_size;
    at("batch").setAttribute("aria-valuetext", state.batch_size);
    at("search").value = state.search;
    at("family").value = state.family;
    at("all").checked = state.all;
    for (const control of data.limits) {
      const limit = state.limits[control.name];
      const exact = at(`${control.name}-exact`);
      const text = limit === undefined ? TEXTS.no_limit : wording.amount(control, limit);
      at(control.name).value = placeOf(control, limit);
      at(control.name).setAttribute("aria-valuetext", text);
      // Rewriting a number while the user types it would move the cursor.
      if (positive(exact.value) !== limit) exact.value = limit ?? "";
      at(control.name)
        .closest(".control")
        .classList.toggle("set", limit !== undefined);
    }
  };

  const setLimit = (name, limit) => {
    if (limit === undefined) delete state.limits[name];
    else state.limits[name] = limit;
    update();
  };

  const listen = () => {
    const on = (id, kind, change) =>
      at(id).addEventListener(kind, (event) => {
        change(event.target);
        update();
      });
    on("device", "change", (target) => (state.device = target.value));
    on("beside", "change", (target) => (state.beside = target.value));
    on("batch", "input", (target) => (state.batch_size = data.sizes[target.value]));
    on("search", "input", (target) => (state.search = target.value));
    on("family", "change", (target) => (state.family = target.value));
    on("all", "change", (target) => (state.all = target.checked));
    on("reset", "click", () => (state.limits = {}));
    at("batch").max = Math.max(data.sizes.length - 1, 0);
    for (const control of data.limits) {
      at(control.name).max = control.stops.length;
      at(control.name).addEventListener("input", (event) =>
        setLimit(control.name, limitAt(control, Number(event.target.value))),
      );
      at(`${control.name}-exact`).addEventListener("input", (event) =>
        setLimit(control.name, positive(event.target.value)),
      );
    }
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && state.network) pick(state.network);
    });
    addEventListener("hashchange", () => {
      // An address without a setting is a section of the page.
      if (!location.hash.includes("=")) return;
      state = fromAddress(location.hash.slice(1));
      update();
    });
  };

  // Download -----------------------------------------------------------------------------------

  const field = (value) => {
    if (value === null || value === undefined) return "";
    const text = String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  // The list as shown, with the columns of `dnnbench pick --csv`.
  const table = ({ device, answer }) => {
    const names = [...data.judged, ...data.recorded];
    const lines = listed(answer).map((one) => {
      const { model, record } = one.network;
      const row = {
        ...Object.fromEntries(data.recorded.map((name, index) => [name, record[index]])),
        device: device.key,
        batch_size: state.batch_size,
        rank: one.rank,
        model,
        fits: one.fits,
        undecided: undecided(one),
        tie_group: one.group,
      };
      return names.map((name) => field(row[name])).join(",");
    });
    return [names.join(","), ...lines].map((line) => `${line}\n`).join("");
  };

  const download = (panel) => {
    const address = URL.createObjectURL(new Blob([table(panel)], { type: "text/csv" }));
    const name = `${panel.device.key}-batch-${state.batch_size}.csv`;
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };

  const start = async () => {
    listen();
    if (location.hash.includes("=")) state = fromAddress(location.hash.slice(1));
    charts.onPick = pick;
    await update();
    document.documentElement.dataset.explored = "yes";
  };
  return { start };
})();
