// What the explorer's chart is filled with; dnnbench/report/figures/explorer_chart.py says what it
// takes.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const plotting = (() => {
  // Pixels: a character's width, and the distance of a name from its point.
  const CHARACTER = 6.2;
  const GAP = 9;

  // Judged networks that have a number on the axis; what fits comes last, and so lies on top.
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
          colour: networks[network.model].colour,
          x: value,
          x_low: wide ? low : null,
          x_high: wide ? high : null,
          y: top1,
          fits,
          fits_text: wording.verdict(one),
          unstable: network.unstable,
          ...Object.fromEntries(
            explorerData.facts.map(({ key }) => [key, wording.shown(network, key)]),
          ),
        };
      });

  // Those that no other point beats in one of the two without losing in the other, best x first.
  const frontOf = (points, minimum) => {
    const ahead = [...points].sort((a, b) => (minimum ? b.x - a.x : a.x - b.x) || b.y - a.y);
    const front = [];
    for (const point of ahead) {
      if (!front.length || point.y > front.at(-1).y) front.push(point);
    }
    return front;
  };

  // The stepped line: the best accuracy to be had at an x or better.
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

  // The names of points that have room for one, in the order given.
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
