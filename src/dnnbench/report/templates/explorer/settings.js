// The explorer's settings, and the devices, batch sizes and networks that they select.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const settings = (() => {
  const data = explorerData;
  const devices = new Map(data.devices.map((device) => [device.key, device]));
  const sizesOf = (device) => Object.keys(device?.views ?? {}).map(Number);

  const initial = () => ({
    device: data.devices[0]?.key ?? "",
    beside: "",
    batch_size: sizesOf(data.devices[0])[0] ?? data.sizes[0] ?? 1,
    // All variants, unless one is named.
    variant: "",
    limits: { ...data.start },
    apart: {},
    search: "",
    family: "",
    axis: data.axes[0].name,
    network: "",
    all: false,
    sort: "rank",
    descending: false,
    section: "",
  });
  const settings = { initial, now: initial(), origin: null, onChange: () => {} };

  // A change leaves the section of the page that the address names.
  settings.change = (changes) => {
    Object.assign(settings.now, { section: "" }, changes);
    if ("device" in changes || "beside" in changes) offerSize();
    return settings.onChange();
  };

  const second = () => settings.devices()[1];

  // Whether the number means something else on the second device: then it has its own limit there.
  settings.isApart = (name) => {
    const [first, other] = settings.devices();
    return Boolean(other) && (first.bases[name] ?? "") !== (other.bases[name] ?? "");
  };

  settings.limitsOn = (device) => {
    const { limits, apart } = settings.now;
    if (device !== second()) return limits;
    const own = ([name]) => settings.isApart(name);
    const shared = Object.entries(limits).filter((entry) => !own(entry));
    return Object.fromEntries([...shared, ...Object.entries(apart).filter(own)]);
  };

  settings.limit = (name, value, device) => {
    const key = device && device === second() && settings.isApart(name) ? "apart" : "limits";
    const { [name]: _, ...others } = settings.now[key];
    return settings.change({ [key]: value === undefined ? others : { ...others, [name]: value } });
  };

  settings.clear = () =>
    settings.change({ limits: {}, apart: {}, search: "", family: "", network: "" });

  // Select a network, or deselect it if it is selected. `origin` is the element that was used.
  settings.pick = (model, origin = settings.origin) => {
    settings.origin = origin;
    return settings.change({ network: settings.now.network === model ? "" : model });
  };

  settings.positive = (text) => {
    const number = Number(text);
    return number > 0 && number < Infinity ? number : undefined;
  };

  settings.devices = () => {
    const { device, beside } = settings.now;
    return [device, beside !== device ? beside : ""]
      .filter((key) => devices.has(key))
      .map((key) => devices.get(key));
  };

  // Batch sizes with results on all shown devices, or on any if they have none in common.
  settings.sizes = () => {
    const [first = [], ...others] = settings.devices().map(sizesOf);
    const common = first.filter((size) => others.every((sizes) => sizes.includes(size)));
    const any = [...new Set([first, ...others].flat())].sort((a, b) => a - b);
    return common.length ? common : any;
  };

  const offerSize = () => {
    const distance = (size) => Math.abs(Math.log(size / settings.now.batch_size));
    const [nearest] = settings.sizes().sort((a, b) => distance(a) - distance(b));
    settings.now.batch_size = nearest ?? settings.now.batch_size;
  };

  // The limit on the quantity along the chart's axis `x` or `y`.
  settings.nameAlong = (along) => (along === "x" ? settings.now.axis : data.accuracy);

  settings.answerTo = (device, view) =>
    judging.judge(view, data.limits, settings.limitsOn(device), settings.now.variant || null);

  settings.answerOn = (device) => {
    const empty = { variants: [], networks: [], ties: [], latencies: [], left_out: [] };
    return settings.answerTo(device, device.views[settings.now.batch_size] ?? empty);
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

  settings.matches = () =>
    settings.searched() ? Object.keys(data.networks).filter(settings.sought) : [];

  settings.highlighted = () => {
    if (settings.now.network) return [settings.now.network];
    // If nothing matches, an unknown key fades every network.
    return settings.searched() && !settings.matches().length ? [""] : settings.matches();
  };

  return settings;
})();
