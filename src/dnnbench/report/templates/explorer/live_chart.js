// The explorer's chart, refilled whenever a limit changes.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const liveChart = (() => {
  const data = explorerData;
  const axes = new Map(data.axes.map((axis) => [axis.name, axis]));

  // Two devices shown together share the same axes.
  const endsOf = () => {
    const extent = (name) => {
      const ends = settings.devices().map((device) => device.extents[name]);
      return [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))];
    };
    const [x_low, x_high] = extent(settings.now.axis);
    const [y_low, y_high] = extent(data.accuracy);
    return { x_low, x_high, y_low, y_high };
  };

  const fill = (panel) => {
    if (!panel.chart || panel.axis !== settings.now.axis) return;
    const { answer, chart } = panel;
    const { axis, limits, network } = settings.now;
    const { minimum } = axes.get(axis);
    const points = plotting.pointsOf(answer.judged, axis, data.networks);
    const front = plotting.frontOf(
      points.filter((point) => point.fits !== "no"),
      minimum,
    );
    const { [axis]: x, [data.accuracy]: y } = limits;
    // Label the best and the selected network first, then the front, then highlighted ones.
    const marked = new Set(settings.highlighted());
    const first = [answer.best?.network.model, network];
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

  const draw = async (panel) => {
    const box = panel.part(".plot");
    if (panel.chart) charts.forget(panel.chart);
    panel.axis = settings.now.axis;
    panel.chart = null;
    const { chart } = axes.get(settings.now.axis);
    const ends = endsOf();
    const params = chart.params.map((one) => ({ ...one, value: ends[one.name] ?? one.value }));
    const view = await charts.embed(box, { ...chart, params });
    // The user may have chosen another device or axis while this chart was drawn.
    if (panel.axis !== settings.now.axis || !panel.root.isConnected) return charts.forget(view);
    panel.chart = view;
    // Which names fit depends on the width, which may change even while the page loads.
    view.addSignalListener("width", () => setTimeout(() => fill(panel), 100));
    fill(panel);
  };

  return { draw, fill };
})();
