// The explorer's settings, which are stored in the URL, and the networks that they highlight.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const settings = (() => {
  const data = explorerData;
  const devices = new Map(data.devices.map((device) => [device.key, device]));
  const families = [...new Set(Object.values(data.networks).map((one) => one.family))];

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
  const settings = { now: initial(), onChange: () => {} };

  settings.change = (changes) => {
    Object.assign(settings.now, changes);
    return settings.onChange();
  };

  settings.limit = (name, value) => {
    const { [name]: _, ...others } = settings.now.limits;
    return settings.change({ limits: value === undefined ? others : { ...others, [name]: value } });
  };

  // Select a network, or deselect it if it is selected.
  settings.pick = (model) =>
    settings.change({ network: settings.now.network === model ? "" : model });

  settings.positive = (text) => {
    const number = Number(text);
    return number > 0 && number < Infinity ? number : undefined;
  };

  settings.toAddress = () => {
    const words = new URLSearchParams();
    const usual = initial();
    for (const [key, value] of Object.entries(settings.now)) {
      if (key !== "limits" && value !== usual[key]) words.set(key, value);
    }
    for (const [name, limit] of Object.entries(settings.now.limits)) words.set(name, limit);
    return words.toString();
  };

  // Unknown or invalid parameters of the URL are ignored.
  settings.fromAddress = (text) => {
    const words = new URLSearchParams(text);
    const read = initial();
    const choose = (key, allowed) => {
      if (words.has(key) && allowed(words.get(key))) read[key] = words.get(key);
    };
    choose("device", (key) => devices.has(key));
    choose("beside", (key) => devices.has(key));
    choose("axis", (key) => data.axes.some(({ name }) => name === key));
    choose("network", (key) => Object.hasOwn(data.networks, key));
    choose("family", (key) => key !== "" && families.includes(key));
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
    }
    settings.now = read;
  };

  settings.devices = () => {
    const { device, beside } = settings.now;
    return [device, beside !== device ? beside : ""]
      .filter((key) => devices.has(key))
      .map((key) => devices.get(key));
  };

  settings.sought = (model) => {
    const { name, family } = data.networks[model];
    const text = settings.now.search.trim().toLowerCase();
    return (
      (!text || name.toLowerCase().includes(text) || model.includes(text)) &&
      (!settings.now.family || family === settings.now.family)
    );
  };

  settings.searched = () => Boolean(settings.now.search.trim() || settings.now.family);

  settings.highlighted = () => {
    if (settings.now.network) return [settings.now.network];
    if (!settings.searched()) return [];
    const found = Object.keys(data.networks).filter(settings.sought);
    // If nothing matches, an unknown key fades every network.
    return found.length ? found : [""];
  };

  return settings;
})();
