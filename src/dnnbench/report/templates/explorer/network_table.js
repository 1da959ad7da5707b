// The table of configurations: its rows, their order, and the notes above it.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const networkTable = (() => {
  const { TEXTS, WORDS, fill } = wording;
  const { badge, cellOf, element, keyOf, nameOf, networkOf, smallOf } = elements;
  const { columns, shown: numbers } = tableColumns;
  const data = explorerData;
  const UNLISTED = "Matches without a row: {reasons}.";

  // Names of the limits that a configuration's bounds straddle, joined as in `dnnbench pick --csv`.
  const undecided = (one) =>
    judging
      .controlsOf(one, "cannot_tell")
      .map((control) => control.name)
      .join("+");

  const rowOf = (panel, one) => {
    const key = `${settings.now.batch_size} ${keyOf(one.network)}`;
    if (!panel.rows.has(key)) {
      const { model, variant: name } = one.network;
      const network = networkOf(model);
      const rank = element("td");
      const fits = element("td", { class: "words" });
      const tie = element("span", { class: "tie" });
      const cells = numbers.map((column) =>
        element("td", { "data-key": column.key }, ...cellOf(one.network, column.key)),
      );
      cells[0].firstChild.after(tie);
      const versus = element("small");
      const small = element("small", { class: "in-variant" }, name);
      const head = element("th", { scope: "row" }, network, small, versus);
      const variant = element("td", { class: "words", "data-key": "variant" }, name);
      const attributes = { "data-model": model, "data-variant": name };
      const row = element("tr", attributes, rank, head, variant, fits, ...cells);
      panel.rows.set(key, { row, rank, fits, tie, versus, name: network.lastChild });
    }
    return panel.rows.get(key);
  };

  const sortBy = (key) => {
    const { descending: best = false } = columns.find((column) => column.key === key);
    const { sort, descending } = settings.now;
    settings.change({ sort: key, descending: sort === key ? !descending : best });
  };

  const heads = () =>
    columns.map(({ key, title }) => {
      const button = element("button", { type: "button" }, title);
      button.addEventListener("click", () => sortBy(key));
      return element("th", { scope: "col", "data-key": key }, button);
    });

  // Unknown values come last in both directions.
  const sorted = (list) => {
    const { sort, descending } = settings.now;
    const { order } = columns.find((column) => column.key === sort);
    const sign = descending ? -1 : 1;
    return [...list].sort((a, b) => {
      const [x, y] = [order(a), order(b)];
      if (x === null || y === null) return (x === null) - (y === null) || a.place - b.place;
      return sign * ((x > y) - (x < y)) || a.place - b.place;
    });
  };

  // A search lists all its matches, in every variant.
  const listed = ({ judged }) => {
    const all = settings.now.all || settings.searched();
    return sorted(
      judged.filter((one) => (all || one.listed) && settings.sought(one.network.model)),
    );
  };

  // Matches of a search without a row, with the reasons.
  const unlisted = (answer, list) => {
    const rows = new Set(list.map(({ network }) => network.model));
    const missing = settings.matches().filter((model) => !rows.has(model));
    const reasons = missing.flatMap((model) => {
      const known = answer.leftOut.filter((one) => one.model === model);
      return known.length ? known : [{ model, reason: TEXTS.no_row }];
    });
    return wording.reasons(answer, reasons, nameOf);
  };

  const showRows = (panel, list, letters) => {
    const { answer } = panel;
    const rows = list.map((one) => {
      const { row, rank, fits, tie, versus, name } = rowOf(panel, one);
      const picked = one.network.model === settings.now.network;
      row.dataset.fits = one.fits;
      row.dataset.group = one.group ?? "";
      row.dataset.undecided = undecided(one);
      row.classList.toggle("picked", picked);
      name.setAttribute("aria-pressed", picked);
      rank.textContent = one.rank ?? "–";
      tie.textContent = letters.has(one.group) ? ` ${letters.get(one.group)}` : "";
      versus.textContent = wording.versus(answer, one, nameOf);
      const why = one.fits === "yes" ? "" : wording.words(one, one.fits);
      fits.replaceChildren(badge(one.fits), ...smallOf([why]));
      return row;
    });
    // Replacing rows would lose the focus, so do it only if their order has changed.
    const order = [settings.now.batch_size, ...list.map((one) => keyOf(one.network))].join(" ");
    if (panel.order !== order) panel.part("tbody").replaceChildren(...rows);
    panel.order = order;
  };

  const showOrder = (panel) => {
    for (const head of panel.part("thead").querySelectorAll("th")) {
      const sort = settings.now.descending ? "descending" : "ascending";
      if (head.dataset.key === settings.now.sort) head.setAttribute("aria-sort", sort);
      else head.removeAttribute("aria-sort");
    }
  };

  const notesOn = (answer, list, letters) => {
    const { judged, found } = answer;
    // Without results, the answer already lists the batch sizes or variants that have some.
    if (!judged.length) return "";
    const stabilities = new Set(list.map((one) => one.network.stability));
    const marked = Object.keys(data.marks).filter((one) => stabilities.has(one));
    const latencies = new Set(list.map((one) => one.latency));
    const compared = ["equivalent", "inconclusive"].filter((one) => latencies.has(one));
    return [
      fill(TEXTS.listed, {
        listed: list.length,
        of: wording.counted(answer),
        size: settings.now.batch_size,
      }),
      ...(list.length ? [TEXTS.small_print] : []),
      ...(list.length && letters.size ? [wording.tied(found)] : []),
      ...marked.map((one) => WORDS[one]),
      ...compared.map((one) => WORDS[one]),
      ...(unlisted(answer, list) ? [fill(UNLISTED, { reasons: unlisted(answer, list) })] : []),
      ...(settings.searched() && !settings.matches().length ? [TEXTS.no_match] : []),
    ].join(" ");
  };

  const show = (panel) => {
    const { answer } = panel;
    const letters = wording.letters(answer.found);
    const list = listed(answer);
    showRows(panel, list, letters);
    showOrder(panel);
    panel.part(".summary").textContent = notesOn(answer, list, letters);
    const reasons = wording.reasons(answer, answer.leftOut, nameOf);
    panel.part(".left-out").textContent = reasons ? fill(WORDS.not_evaluated, { reasons }) : "";
    panel.root.dataset.leftOut = answer.leftOut.map(keyOf).join(" ");
  };

  return { heads, listed, show, undecided };
})();
