// The page's address: it stores the settings, so that reload, back and links keep them.
//
// `#min_fps=20&section=method` shows a section of the page with these settings. An address with
// settings states every limit; one without settings (`#method`) leaves them as they are.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const address = (() => {
  const data = explorerData;
  // Prefix of a limit that the second device has for itself.
  const APART = "beside_";
  const here = () => location.hash.slice(1);
  const sorted = (limits) => {
    const words = new URLSearchParams(Object.entries(limits));
    words.sort();
    return words;
  };

  const toText = () => {
    const usual = settings.initial();
    const { limits, apart, section, ...others } = settings.now;
    const words = new URLSearchParams(
      Object.entries(others).filter(([key, value]) => value !== usual[key]),
    );
    const given = sorted(limits);
    if (!words.size && given.toString() === sorted(usual.limits).toString()) return section;
    for (const [name, limit] of given) words.set(name, limit);
    for (const name of Object.keys(apart).filter(settings.isApart)) {
      words.set(APART + name, apart[name]);
    }
    if (!words.size) words.set("limits", "none");
    if (section) words.set("section", section);
    return words.toString();
  };

  // Unknown or invalid parameters of the URL are ignored.
  const fromText = (text) => {
    const words = new URLSearchParams(text);
    const read = { ...settings.initial(), limits: {} };
    const choose = (key, allowed) => {
      if (words.has(key) && allowed(words.get(key))) read[key] = words.get(key);
    };
    const known = new Set(data.devices.map(({ key }) => key));
    choose("device", (key) => known.has(key));
    choose("beside", (key) => known.has(key));
    choose("variant", (name) => data.variants.includes(name));
    choose("axis", (key) => data.axes.some(({ name }) => name === key));
    choose("network", (key) => Object.hasOwn(data.networks, key));
    choose("family", (key) =>
      Object.values(data.networks).some((one) => key && one.family === key),
    );
    choose("search", () => true);
    choose("sort", (key) => tableColumns.columns.some((column) => column.key === key));
    read.sort = tableColumns.FORMER.get(words.get("sort")) ?? read.sort;
    read.all = words.get("all") === "true";
    read.descending = words.get("descending") === "true";
    const size = Number(words.get("batch_size"));
    if (data.sizes.includes(size)) read.batch_size = size;
    for (const { name } of data.limits) {
      const limit = settings.positive(words.get(name));
      if (limit !== undefined) read.limits[name] = limit;
      const other = settings.positive(words.get(APART + name));
      if (other !== undefined) read.apart[name] = other;
    }
    choose("section", (id) => id && document.getElementById(id));
    settings.now = read;
  };

  const write = () => {
    const text = toText();
    if (here() === text) return;
    history.replaceState(null, "", text ? `#${text}` : location.href.split("#")[0]);
  };

  const read = () => {
    if (here().includes("=")) return fromText(here());
    settings.now.section = here();
    write();
  };

  const listen = () => {
    addEventListener("hashchange", () => {
      read();
      settings.onChange();
      const { section } = settings.now;
      if (section) document.getElementById(section)?.scrollIntoView();
    });
    // Store changes that are still pending before the page leaves this address.
    addEventListener("click", ({ target }) => target.closest?.("a[href]") && write(), true);
    addEventListener("pagehide", write);
  };

  return { listen, read, write };
})();
