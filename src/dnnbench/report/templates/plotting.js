// Data for the explorer's chart; dnnbench/report/figures/explorer_chart.py describes the format.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const plotting = (() => {
  // In pixels: the width of a character, and the gap between a point and its name.
  const CHARACTER = 6.2;
  const GAP = 9;

  // Points of all evaluated networks with a positive value on the axis. Fitting ones come last
  // so that they are drawn on top.
  const pointsOf = (judged, axis, networks) =>
    judged
      .filter(({ network }) => network.bounds[axis] && judging.boundsOf(network, axis).value > 0)
      .sort((a, b) => (a.fits !== "no") - (b.fits !== "no"))
      .map((one) => {
        const { network, top1, fits } = one;
        const { value, low, high } = judging.boundsOf(network, axis);
        const wide = 0 < low && low < high;
        return {
          model: network.model,
          name: networks[network.model].name,
          color: networks[network.model].color,
          x: value,
          x_low: wide ? low : null,
          x_high: wide ? high : null,
          y: top1,
          fits,
          fits_text: wording.verdict(one),
          disturbed: network.stability === "disturbed",
          ...Object.fromEntries(
            explorerData.facts.map(({ key }) => [key, wording.shown(network, key)]),
          ),
        };
      });

  // The Pareto front: points that no other point beats in x or y without being worse in the other.
  // Best x first.
  const frontOf = (points, minimum) => {
    const ahead = [...points].sort((a, b) => (minimum ? b.x - a.x : a.x - b.x) || b.y - a.y);
    const front = [];
    for (const point of ahead) {
      if (!front.length || point.y > front.at(-1).y) front.push(point);
    }
    return front;
  };

  // Corners of the stepped line: the best accuracy available at x or better.
  const cornersOf = (front, ends, minimum) => {
    if (!front.length) return [];
    const corners = front.flatMap(({ x, y }, index) => [
      { x, y: index ? front[index - 1].y : ends.y_low },
      { x, y },
    ]);
    corners.push({ x: minimum ? ends.x_low : ends.x_high, y: front.at(-1).y });
    return corners.map((corner, order) => ({ ...corner, order }));
  };

  const overlap = (a, b) =>
    a.left <= b.right && b.left <= a.right && a.top <= b.bottom && b.top <= a.bottom;

  // Names of the points with enough room for one, first come, first served.
  const namesOf = (points, chart) => {
    const across = chart.scale("x");
    const down = chart.scale("y");
    const taken = [];
    const names = [];
    for (const { model, name, x, y } of new Set(points)) {
      const width = CHARACTER * name.length;
      const right = across(x) + GAP + width > chart.width();
      const left = right ? across(x) - GAP - width : across(x) + GAP;
      const box = { left, right: left + width, top: down(y) - 14, bottom: down(y) };
      if (taken.some((other) => overlap(box, other))) continue;
      taken.push(box);
      names.push({ model, text: name, x, y, right });
    }
    return names;
  };

  return { cornersOf, frontOf, namesOf, pointsOf };
})();
