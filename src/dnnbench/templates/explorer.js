// The explorer. Its numbers, bounds and ties were worked out by the program (dnnbench/explorer.py);
// here they are only compared with limits, as `dnnbench pick` does (dnnbench/picking.py).
const explorer = (() => {
  const data = JSON.parse(document.getElementById("explore").textContent);
  const devices = new Map(data.devices.map((device) => [device.key, device]));
  const axes = new Map(data.axes.map((axis) => [axis.name, axis]));
  const at = (id) => document.getElementById(id);
  const nameOf = (model) => data.networks[model].name;

  // Judging ------------------------------------------------------------------------------------

  const bounds = (network, name) => {
    const [value, low = value, high = value, certain = true] = network.bounds[name];
    return { value, low, high, certain };
  };

  const verdictOf = (number, limit, minimum) => {
    if (minimum ? number.high < limit : number.low > limit) return "no";
    const inside = minimum ? number.low >= limit : number.high <= limit;
    return number.certain && inside ? "yes" : "cannot_tell";
  };

  const tied = (view, a, b) =>
    view.ties[Math.min(a.place, b.place)].includes(Math.max(a.place, b.place));

  // What would have to give for a network to fit for certain, and how much more of it.
  const missOf = (one) => {
    const gives = one.verdicts
      .map(({ control, limit, number, fits }) => {
        const needed = control.minimum ? Math.max(number.low, data.least) : number.high;
        const factor = control.minimum ? limit / needed : needed / limit;
        return { control, fits, factor, text: one.network.needs[control.name] };
      })
      .filter((give) => give.fits !== "yes" && give.factor > 1);
    return {
      one,
      gives,
      outside: gives.filter((give) => give.fits === "no"),
      factor: Math.max(...gives.map((give) => give.factor)),
    };
  };

  const nearer = (a, b) =>
    a.factor - b.factor ||
    b.one.top1 - a.one.top1 ||
    (a.one.network.model < b.one.network.model ? -1 : 1);

  const judge = (view, limits) => {
    const given = data.limits.filter((control) => limits[control.name] !== undefined);
    const leftOut = { ...view.left_out };
    const judged = [];
    view.networks.forEach((network, place) => {
      const missing = given.find((control) => !network.bounds[control.name]);
      if (missing) {
        leftOut[network.model] = network.unknown[missing.name];
        return;
      }
      const verdicts = given.map((control) => {
        const number = bounds(network, control.name);
        const limit = limits[control.name];
        return { control, limit, number, fits: verdictOf(number, limit, control.minimum) };
      });
      const worst = ["no", "cannot_tell"].find((fits) => verdicts.some((v) => v.fits === fits));
      const top1 = bounds(network, "min_top1").value;
      judged.push({ network, place, verdicts, top1, fits: worst || "yes", group: null, rank: null });
    });

    const found = judged.filter((one) => one.fits !== "no");
    let first = null;
    let group = 0;
    found.forEach((one, index) => {
      if (!first || !tied(view, first, one)) {
        first = one;
        group += 1;
      }
      one.group = group;
      one.rank = index + 1;
    });

    const best = found[0];
    const misses = judged.filter((one) => one.fits === "no").map(missOf);
    const better = misses.filter(
      ({ one }) => !best || (one.top1 > best.top1 && !tied(view, best, one)),
    );
    const binding = new Map();
    for (const miss of better) {
      if (miss.outside.length !== 1) continue;
      const [give] = miss.outside;
      const known = binding.get(give.control.name);
      if (!known || give.factor < known.give.factor) binding.set(give.control.name, { give, miss });
    }
    return {
      view,
      given,
      judged,
      found,
      leftOut,
      best,
      sure: found.find((one) => one.fits === "yes"),
      fit: found.filter((one) => one.fits === "yes").length,
      better,
      binding: [...binding.values()],
      nearest: best ? [] : misses.sort(nearer).slice(0, 3),
    };
  };

  // State, which is the address ----------------------------------------------------------------

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

  const positive = (text) => (Number(text) > 0 && Number(text) < Infinity ? Number(text) : undefined);

  // Whatever an address says that is not known is passed over.
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
    choose("family", (key) => families.includes(key));
    choose("search", () => true);
    choose("sort", (key) => columns.some((column) => column.key === key));
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
    made.append(...children.filter((child) => child !== null && child !== ""));
    return made;
  };
  const swatch = (model) => {
    const made = element("span", { class: "swatch" });
    made.style.background = data.networks[model].colour;
    return made;
  };
  const FITS = { yes: "fits", cannot_tell: "cannot tell", no: "does not fit" };
  const badge = (fits) => element("span", { class: `badge ${fits}` }, FITS[fits]);
  const percent = (share) => `${share < 0 ? "−" : "+"}${Math.abs(share * 100).toFixed(1)} %`;
  const bracketed = ([text, ...notes]) => {
    const inside = notes.filter(Boolean).join(", ");
    return inside ? `${text} (${inside})` : text;
  };
  const shown = (network, key) => (network.shown[key] ? bracketed(network.shown[key]) : "not known");
  const phrase = (words) => words.join(", ");
  const undecided = (one, fits) =>
    one.verdicts.filter((verdict) => verdict.fits === fits).map((verdict) => verdict.control);
  const doubt = (one) => (control) =>
    bounds(one.network, control.name).certain
      ? `${control.word}: the limit lies within its bounds`
      : `${control.word}: its bounds are not known`;
  const grouped = (reasons) => {
    const by = new Map();
    for (const [model, why] of Object.entries(reasons)) {
      by.set(why, [...(by.get(why) ?? []), nameOf(model)]);
    }
    return [...by].map(([why, names]) => `${names.join(", ")} (${why.replace("_", " ")})`).join("; ");
  };

  const families = [...new Set(Object.values(data.networks).map((one) => one.family))].filter(Boolean);

  const number = (key, name) => ({
    key,
    order: (one) => (one.network.bounds[name] ? bounds(one.network, name).value : null),
    cell: (one) => cell(one.network.shown[key]),
  });
  const cell = (texts) =>
    texts ? [texts[0], ...texts.slice(1).filter(Boolean).map((t) => element("small", {}, t))] : ["–"];
  const columns = [
    { key: "rank", title: "#", order: (one) => one.place },
    { key: "name", title: "Network", order: (one) => nameOf(one.network.model).toLowerCase() },
    { key: "fits", title: "Fits", order: (one) => ["yes", "cannot_tell", "no"].indexOf(one.fits) },
    { title: "Top-1", ...number("top1", "min_top1") },
    { title: "Images/s", ...number("fps", "min_fps") },
    {
      key: "time",
      title: "Per image",
      order: (one) => -bounds(one.network, "min_fps").value,
      cell: (one) => cell(one.network.shown.time),
    },
    { title: "Memory", ...number("memory", "max_memory_gib") },
    { title: "Parameters", ...number("params", "max_params_m") },
  ];

  // Highlighting -------------------------------------------------------------------------------

  const sought = (model) => {
    const { name, family } = data.networks[model];
    const text = state.search.trim().toLowerCase();
    return (
      (!text || name.toLowerCase().includes(text) || model.includes(text)) &&
      (!state.family || family === state.family)
    );
  };
  const highlighted = () => {
    if (state.network) return [state.network];
    if (!state.search.trim() && !state.family) return [];
    const found = Object.keys(data.networks).filter(sought);
    // A list that no network is in fades them all.
    return found.length ? found : [""];
  };

  // A panel: one device --------------------------------------------------------------------------

  const panels = [];

  const addPanel = (device) => {
    const root = at("panel").content.cloneNode(true).querySelector("section");
    const part = (selector) => root.querySelector(selector);
    const panel = { device, root, part, chart: null, axis: null, answer: null, order: "", rows: new Map() };
    root.dataset.device = device.key;
    root.setAttribute("aria-label", device.label);
    part("h3").append(device.label, element("small", {}, device.machine));
    part(".about").textContent = device.note;
    part(".scroll").setAttribute("aria-label", `Networks on ${device.label}`);
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
      const { model } = one.network;
      const name = element("button", { type: "button", class: "name" }, nameOf(model));
      name.addEventListener("click", () => pick(model));
      const tie = element("span", { class: "tie" });
      const cells = columns
        .filter((column) => column.cell)
        .map((column) => element("td", { "data-key": column.key }, ...column.cell(one)));
      cells[0].append(tie);
      if (one.network.unstable) {
        const mark = element("span", { class: "doubt", title: one.network.shown.stability[0] }, " †");
        cells[1].firstChild.after(mark);
      }
      const head = element("th", { scope: "row" }, element("span", { class: "network" }, swatch(model), name));
      const fits = element("td", { class: "words" });
      const rank = element("td");
      const row = element("tr", { "data-model": model }, rank, head, fits, ...cells);
      panel.rows.set(key, { row, rank, name, tie, fits });
    }
    return panel.rows.get(key);
  };

  const sortBy = (key) => {
    state.descending = state.sort === key ? !state.descending : ["top1", "fps"].includes(key);
    state.sort = key;
    update();
  };

  const sorted = (list) => {
    const column = columns.find((candidate) => candidate.key === state.sort);
    const sign = state.descending ? -1 : 1;
    return [...list].sort((a, b) => {
      const [x, y] = [column.order(a), column.order(b)];
      if (x === null || y === null) return (x === null) - (y === null) || a.place - b.place;
      return sign * ((x > y) - (x < y)) || a.place - b.place;
    });
  };

  const listed = (answer) =>
    sorted(answer.judged.filter((one) => (state.all || one.fits !== "no") && sought(one.network.model)));

  const letters = (answer) => {
    const sizes = new Map();
    for (const { group } of answer.found) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    const tiedGroups = [...sizes].filter(([, size]) => size > 1).map(([group]) => group);
    return new Map(tiedGroups.map((group, index) => [group, "abcdefghijklmnopqrstuvwxyz"[index % 26]]));
  };

  const giveText = ({ control, text, factor }) => {
    const change = control.minimum ? 1 / factor - 1 : factor - 1;
    return `${control.word} ${control.minimum ? "≥" : "≤"} ${text} ${control.unit} (${percent(change)})`;
  };

  const limitText = ({ name, minimum, word, unit }) =>
    `${word} ${minimum ? "≥" : "≤"} ${state.limits[name]} ${unit}`;

  const countText = ({ judged, found, fit }) => {
    if (!judged.length) return "No network can be judged.";
    const of = `of ${judged.length} networks`;
    if (!found.length) return `None ${of} fits.`;
    const doubtful = found.length - fit;
    const text = `${fit} ${of} ${fit === 1 ? "fits" : "fit"}`;
    return doubtful ? `${text} for certain; of ${doubtful} ${fit ? "more " : ""}it cannot be told.` : `${text}.`;
  };

  const statistics = ({ shown: words }) =>
    element(
      "dl",
      { class: "numbers" },
      ...columns
        .filter(({ key, cell }) => cell && words[key])
        .map(({ key, title }) => element("div", {}, element("dt", {}, title), element("dd", {}, ...cell(words[key])))),
    );

  const networkButton = (model) => {
    const button = element("button", { type: "button", class: "name" }, nameOf(model));
    button.addEventListener("click", () => pick(model));
    return element("span", { class: "network" }, swatch(model), button);
  };

  const showAnswer = (panel, answer) => {
    const box = panel.part(".verdict");
    const { best, sure, found, binding, nearest } = answer;
    const limits = answer.given.map(limitText);
    const question = `Batch size ${state.batch_size}, ${phrase(limits) || "no limit"}.`;
    const parts = [element("p", { class: "question" }, question)];
    if (best) {
      parts.push(
        element("p", { class: "best" }, networkButton(best.network.model), " ", badge(best.fits),
best.fits === "yes" ? "" : element("small", {}, ` ${phrase(undecided(best, "cannot_tell").map(doubt(best)))}`)),
        statistics(best.network),
      );
      if (best !== sure) {
        parts.push(sure
          ? element("p", { class: "sure" }, "The first that fits for certain: ", networkButton(sure.network.model), `, ${sure.network.shown.top1[0]}.`)
          : element("p", { class: "sure" }, "None fits for certain."));
      }
      const equals = found.filter((one) => one !== best && one.group === best.group);
      if (equals.length) {
        parts.push(element("p", { class: "equals" }, `Not told apart from it in accuracy: ${phrase(equals.map((one) => nameOf(one.network.model)))}.`));
      }
    }
    parts.push(element("p", { class: best ? "count" : "best count" }, countText(answer)));
    if (nearest.length) {
      const list = nearest.map((miss) =>
        element("li", { "data-model": miss.one.network.model }, networkButton(miss.one.network.model), `, ${miss.one.network.shown.top1[0]}: needs ${phrase(miss.gives.map(giveText))}`));
      parts.push(element("p", {}, "The nearest misses:"), element("ul", { class: "nearest" }, ...list));
    }
    if (binding.length) {
      const list = binding.map(({ give, miss }) =>
        element("li", { "data-limit": give.control.name, "data-model": miss.one.network.model },
          `${giveText(give)} lets in `, networkButton(miss.one.network.model), `, ${miss.one.network.shown.top1[0]}`));
      parts.push(element("p", {}, `What binds: giving way on one limit alone lets in ${best ? "a better network" : "a network"}.`), element("ul", { class: "binding" }, ...list));
    } else if (answer.given.length && answer.judged.length && best) {
      parts.push(element("p", { class: "count" }, answer.better.length
        ? "No limit binds by itself: every better network is outside two or more."
        : "No limit binds: no network that is surely better is outside."));
    }
    box.replaceChildren(...parts);
    Object.assign(box.dataset, {
      best: best?.network.model ?? "",
      sure: sure?.network.model ?? "",
      judged: answer.judged.length,
      fit: answer.fit,
      cannotTell: found.length - answer.fit,
      better: answer.better.length,
    });
  };

  const showDetails = (panel, answer) => {
    const box = panel.part(".details");
    box.hidden = !state.network;
    if (!state.network) return box.replaceChildren();
    const one = answer.judged.find(({ network }) => network.model === state.network);
    const close = element("button", { type: "button", class: "close" }, "Clear");
    close.addEventListener("click", () => pick(state.network));
    const title = element("p", { class: "network" }, swatch(state.network), nameOf(state.network), " ", one ? badge(one.fits) : "", close);
    if (!one) {
      const why = answer.leftOut[state.network] ?? "no row in the study";
      return box.replaceChildren(title, element("p", {}, `Not judged here: ${why.replace("_", " ")}.`));
    }
    const terms = [
      ["Family", data.networks[state.network].family || "not known"],
      ["Top-1", shown(one.network, "top1")],
      ["Images a second", shown(one.network, "fps")],
      ["Time an image", shown(one.network, "time")],
      ["Time a pass", shown(one.network, "pass")],
      ["Memory", shown(one.network, "memory")],
      ["Parameters", shown(one.network, "params")],
      ["Stability", shown(one.network, "stability")],
      ["Source", shown(one.network, "source")],
    ];
    const list = terms.flatMap(([term, text]) => [element("dt", {}, term), element("dd", {}, text)]);
    return box.replaceChildren(title, element("dl", {}, ...list));
  };

  const showTable = (panel, answer) => {
    const ties = letters(answer);
    const list = listed(answer);
    const rows = list.map((one) => {
      const kept = rowOf(panel, one);
      const words = one.fits === "yes" ? [] : undecided(one, one.fits).map((control) => control.word);
      kept.row.dataset.fits = one.fits;
      kept.row.dataset.group = one.group ?? "";
      kept.row.dataset.undecided = undecided(one, "cannot_tell").map((control) => control.name).join("+");
      kept.row.classList.toggle("picked", one.network.model === state.network);
      kept.name.setAttribute("aria-pressed", one.network.model === state.network);
      kept.rank.textContent = one.rank ?? "–";
      kept.tie.textContent = ties.has(one.group) ? ` ${ties.get(one.group)}` : "";
      kept.fits.replaceChildren(badge(one.fits), ...(words.length ? [element("small", {}, phrase(words))] : []));
      return kept.row;
    });
    // Rows that stay where they are keep the focus.
    const order = list.map((one) => one.network.model).join(" ");
    if (panel.order !== `${state.batch_size} ${order}`) {
      panel.part("tbody").replaceChildren(...rows);
      panel.order = `${state.batch_size} ${order}`;
    }
    for (const head of panel.part("thead").querySelectorAll("th")) {
      const sort = state.descending ? "descending" : "ascending";
      if (head.dataset.key === state.sort) head.setAttribute("aria-sort", sort);
      else head.removeAttribute("aria-sort");
    }
    const sometimes = [
      ties.size ? "Same letter: nothing here tells their accuracy apart." : "",
      answer.judged.some((one) => one.network.unstable) ? "†: unstable measurement." : "",
    ];
    panel.part(".summary").textContent = [
      `${list.length} of ${answer.judged.length} networks, batch size ${state.batch_size}; small: 95 % intervals, where there are any, and sources.`,
      ...sometimes,
    ].filter(Boolean).join(" ");
    const reasons = grouped(answer.leftOut);
    panel.part(".left-out").textContent = reasons ? `Not judged: ${reasons}.` : "";
    panel.root.dataset.leftOut = Object.keys(answer.leftOut).join(" ");
  };

  // The chart ----------------------------------------------------------------------------------

  const plotted = (panel, answer) => {
    const { axis } = state;
    return answer.judged
      .filter(({ network }) => network.bounds[axis] && bounds(network, axis).value > 0)
      .map((one) => {
        const { network } = one;
        const number = bounds(network, axis);
        const wide = number.high > number.low && number.low > 0;
        const tips = ["top1", "fps", "time", "memory", "params", "stability", "source"];
        return {
          model: network.model,
          name: nameOf(network.model),
          colour: data.networks[network.model].colour,
          x: number.value,
          x_low: wide ? number.low : null,
          x_high: wide ? number.high : null,
          y: one.top1,
          fits: one.fits,
          fits_text: FITS[one.fits] + (one.fits === "yes" || !one.verdicts.length ? "" : `: ${phrase(undecided(one, one.fits).map((c) => c.word))}`),
          unstable: network.unstable,
          ...Object.fromEntries(tips.map((key) => [key, shown(network, key)])),
        };
      });
  };

  // No other point is at least as good in both.
  const frontOf = (points, minimum) => {
    const ahead = [...points].sort((a, b) => (minimum ? b.x - a.x : a.x - b.x) || b.y - a.y);
    const front = [];
    for (const point of ahead) {
      if (!front.length || point.y > front[front.length - 1].y) front.push(point);
    }
    return front;
  };

  const cornersOf = (front, ends, minimum) => {
    const corners = [];
    front.forEach((point, index) => {
      const below = index ? front[index - 1].y : ends.y_low;
      corners.push({ x: point.x, y: below }, { x: point.x, y: point.y });
    });
    if (front.length) corners.push({ x: minimum ? ends.x_low : ends.x_high, y: front[front.length - 1].y });
    return corners.map((corner, order) => ({ ...corner, order }));
  };

  // Names where there is room: the answer's and the highlighted ones first, then along the front.
  const namesOf = (panel, points, front) => {
    const marked = new Set(highlighted());
    const best = panel.answer.best?.network.model;
    const wanted = [
      ...points.filter((point) => point.model === best || point.model === state.network),
      ...front,
      ...points.filter((point) => marked.has(point.model)),
    ];
    const across = panel.chart.scale("x");
    const down = panel.chart.scale("y");
    const taken = [];
    const names = [];
    for (const point of new Set(wanted)) {
      const [x, y] = [across(point.x), down(point.y)];
      const width = 6.2 * point.name.length;
      const right = x + width + 12 > panel.chart.width();
      const left = right ? x - 9 - width : x + 9;
      const box = { left, right: left + width, top: y - 14, bottom: y };
      const free = taken.every(
        (other) => box.left > other.right || box.right < other.left || box.top > other.bottom || box.bottom < other.top,
      );
      if (!free) continue;
      taken.push(box);
      names.push({ model: point.model, text: point.name, x: point.x, y: point.y, right });
    }
    return names;
  };

  const fillChart = (panel) => {
    if (!panel.chart || panel.axis !== state.axis) return;
    const { answer } = panel;
    const { minimum } = axes.get(state.axis);
    const ends = endsOf();
    const points = plotted(panel, answer);
    const front = frontOf(points.filter((point) => point.fits !== "no"), minimum);
    const limits = [];
    if (state.limits[state.axis]) limits.push({ x: state.limits[state.axis] });
    if (state.limits.min_top1) limits.push({ y: state.limits.min_top1 });
    // What fits lies on top of what does not.
    points.sort((a, b) => (a.fits !== "no") - (b.fits !== "no"));
    panel.chart
      .data("points", points)
      .data("front", cornersOf(front, ends, minimum))
      .data("limits", limits)
      .data("names", namesOf(panel, points, front))
      .run();
  };

  // Two devices side by side have the same axes.
  const endsOf = () => {
    const extent = (name) => {
      const ends = shownDevices().map((device) => device.extents[name]);
      return [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))];
    };
    const [x_low, x_high] = extent(state.axis);
    const [y_low, y_high] = extent("min_top1");
    return { x_low, x_high, y_low, y_high };
  };

  const drawChart = async (panel) => {
    const box = panel.part(".plot");
    panel.axis = state.axis;
    panel.chart = null;
    const { chart } = axes.get(state.axis);
    const ends = endsOf();
    const params = chart.params.map((one) => ({ ...one, value: ends[one.name] ?? one.value }));
    const view = await charts.embed(box, { ...chart, params });
    // Another axis may have been chosen meanwhile.
    if (panel.axis !== state.axis || !panels.includes(panel)) return;
    panel.chart = view;
    box.dataset.axis = state.axis;
    fillChart(panel);
  };

  // Everything together ------------------------------------------------------------------------

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
      panel.answer = judge(viewOf(panel.device), state.limits);
      showAnswer(panel, panel.answer);
      if (!panel.device.views[state.batch_size]) showSizes(panel);
      showDetails(panel, panel.answer);
      showTable(panel, panel.answer);
      if (panel.axis !== state.axis) drawing.push(drawChart(panel));
      else fillChart(panel);
    }
    charts.highlight(highlighted());
    later();
    return Promise.all(drawing);
  };

  const showSizes = (panel) => {
    const sizes = Object.keys(panel.device.views);
    const text = sizes.length
      ? `No batch size ${state.batch_size} here: there is ${sizes.join(", ")}.`
      : "No rows in the study.";
    panel.part(".verdict").replaceChildren(element("p", { class: "best count" }, text));
  };

  // The address and what is read out follow when the reader pauses.
  let pause = 0;
  const later = () => {
    clearTimeout(pause);
    pause = setTimeout(() => {
      at("said").textContent = panels
        .map(({ device, answer }) => {
          const best = answer.best;
          const name = best ? `${nameOf(best.network.model)}, ${best.network.shown.top1[0]}, ${FITS[best.fits]}. ` : "";
          return `${device.label}: ${name}${countText(answer)}`;
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

  // A slider's places are its stops, and one more at the loose end: no limit.
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
      at(control.name).value = placeOf(control, limit);
      at(control.name).setAttribute("aria-valuetext", limit === undefined ? "no limit" : `${limit} ${control.unit}`);
      // Rewriting what is being typed would move the cursor.
      if (positive(exact.value) !== limit) exact.value = limit ?? "";
      at(control.name).closest(".control").classList.toggle("set", limit !== undefined);
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
        setLimit(control.name, limitAt(control, Number(event.target.value))));
      at(`${control.name}-exact`).addEventListener("input", (event) =>
        setLimit(control.name, positive(event.target.value)));
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
    addEventListener("resize", () => setTimeout(() => panels.forEach(fillChart), 100));
  };

  // Download -----------------------------------------------------------------------------------

  const field = (value) => {
    if (value === null || value === undefined) return "";
    const text = String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  const table = (panel) => {
    const names = [...data.judged, ...data.recorded];
    const lines = listed(panel.answer).map((one) => {
      const record = Object.fromEntries(data.recorded.map((name, index) => [name, one.network.record[index]]));
      const judged = {
        device: panel.device.key,
        batch_size: state.batch_size,
        rank: one.rank,
        model: one.network.model,
        fits: one.fits,
        undecided: undecided(one, "cannot_tell").map((control) => control.name).join("+"),
        tie_group: one.group,
      };
      const row = { ...record, ...judged };
      return names.map((name) => field(row[name])).join(",");
    });
    return [names.join(","), ...lines].map((line) => `${line}\n`).join("");
  };

  const download = (panel) => {
    const address = URL.createObjectURL(new Blob([table(panel)], { type: "text/csv" }));
    element("a", { href: address, download: `${panel.device.key}-batch-${state.batch_size}.csv` }).click();
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
