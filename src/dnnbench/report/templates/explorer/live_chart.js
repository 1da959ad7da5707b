// The explorer's chart, refilled whenever a limit changes.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const liveChart = (() => {
  const { keyOf } = elements;
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

  const limitsOf = ({ device }) => {
    const ends = endsOf();
    const set = settings.limitsOn(device);
    return ["x", "y"].flatMap((along) => {
      const control = data.limits.find(({ name }) => name === settings.nameAlong(along));
      if (!control || set[control.name] === undefined) return [];
      const limit = set[control.name];
      const text = wording.amount(control, limit);
      const end = ends[`${along}_${control.minimum ? "low" : "high"}`];
      return [{ [along]: limit, end, text: `${control.minimum ? "≥" : "≤"} ${text}` }];
    });
  };

  // The configurations of the selected network, the best one, and those that the answer names.
  const askedFor = (answer) => {
    const { best, rivals, binding, nearest } = answer;
    const missed = [...binding.map(({ miss }) => miss), ...nearest.slice(0, 3)];
    return [
      ...networkDetails.configurationsOf(answer, settings.now.network),
      ...[best, ...rivals.slice(0, 5)].filter(Boolean),
      ...missed.map(({ one }) => one),
    ];
  };

  // The best configuration of each match of a search.
  const matchesIn = (answer) =>
    settings
      .highlighted()
      .flatMap((model) => networkDetails.configurationsOf(answer, model).slice(0, 1));

  const fill = (panel) => {
    if (!panel.chart || panel.axis !== settings.now.axis) return;
    const { answer, chart } = panel;
    const { axis } = settings.now;
    const { minimum } = axes.get(axis);
    const points = plotting.pointsOf(answer.judged, axis, data.networks);
    const front = plotting.frontOf(
      points.filter((point) => point.fits !== "no"),
      minimum,
    );
    const limits = limitsOf(panel);
    const byKey = new Map(points.map((point) => [keyOf(point), point]));
    const pointsAt = (list) => list.flatMap(({ network }) => byKey.get(keyOf(network)) ?? []);
    const names = {
      asked: pointsAt(askedFor(answer)),
      matches: pointsAt(matchesIn(answer)),
      others: front,
      points,
      best: answer.best && byKey.get(keyOf(answer.best.network)),
      limits,
      several: answer.variants.length > 1,
    };
    chart
      .data("points", points)
      .data("front", plotting.cornersOf(front))
      .data("limits", limits)
      .data("names", plotting.namesOf(names, chart))
      .run();
    limitHandles.show(panel);
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
