// Data for the explorer's chart; dnnbench/report/figures/explorer_chart.py describes the format.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const plotting = (() => {
  // In pixels: the width of a character, also in bold, and the gap between a point and its name.
  const CHARACTER = 6.2;
  const BOLD = 7;
  const GAP = 10;
  // Also dnnbench/report/figures/explorer_chart.py.
  const LINE = 12;

  // Points of all evaluated configurations with a positive value on the axis. Fitting ones come last
  // so that they are drawn on top.
  const pointsOf = (judged, axis, networks) =>
    judged
      .filter(({ network }) => network.bounds[axis] && judging.boundsOf(network, axis).value > 0)
      .sort((a, b) => (a.fits !== "no") - (b.fits !== "no"))
      .map((one) => {
        const { network, top1, fits } = one;
        const { value, low, high, kind } = judging.boundsOf(network, axis);
        const bar = kind !== "wide" && 0 < low && low < high;
        return {
          model: network.model,
          variant: network.variant,
          name: networks[network.model].name,
          color: networks[network.model].color,
          x: value,
          x_low: bar ? low : null,
          x_high: bar ? high : null,
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

  // Corners of the stepped line: the best accuracy available at x or better. It ends at the first
  // and last configuration, so that no part of it looks like a limit.
  const cornersOf = (front) =>
    front
      .flatMap(({ x, y }, index) => [...(index ? [{ x, y: front[index - 1].y }] : []), { x, y }])
      .map((corner, order) => ({ ...corner, order }));

  const overlap = (a, b) =>
    a.left <= b.right && b.left <= a.right && a.top <= b.bottom && b.top <= a.bottom;

  // Positions of a name relative to its point: to the right or left, then farther up and down.
  const OFFSETS = [-7, 4, 15, -21, 29, -35, 43, -49, 57, -63, 71, -77, 85];

  // Names of points. All those in `asked`, with the variant if there are several, and in `matches`
  // are placed, the others only if there is room. No network is named twice.
  const namesOf = ({ asked, matches, others, points, best, limits, several }, chart) => {
    const [across, down] = [chart.scale("x"), chart.scale("y")];
    const around = (x, y, radius) => ({
      left: x - radius,
      right: x + radius,
      top: y - radius,
      bottom: y + radius,
    });
    const RADII = { yes: 5, cannot_tell: 9 };
    const taken = points
      .filter(({ fits }) => fits in RADII)
      .map(({ x, y, fits }) => around(across(x), down(y), RADII[fits]));
    // The text of a limit is at the end of its line.
    for (const { x, y, end, text } of limits) {
      const width = CHARACTER * text.length + 14;
      const at = x === undefined ? chart.width() : across(x);
      const left = x !== undefined && end < x ? at : at - width;
      const top = x === undefined ? down(y) - 16 : 0;
      taken.push({ left, right: left + width, top, bottom: top + 18 });
    }
    const placed = ({ point, lines }, dy, right) => {
      const length = Math.max(...lines.map((line) => line.length));
      const width = (point === best ? BOLD : CHARACTER) * length;
      const left = right ? across(point.x) - GAP - width : across(point.x) + GAP;
      const top = down(point.y) + dy + 2 - LINE;
      return { left, right: left + width, top, bottom: top + LINE * lines.length };
    };
    const inside = ({ left, right, top, bottom }) =>
      left >= 0 && right <= chart.width() && top >= 0 && bottom <= chart.height();
    const hits = (box) => taken.filter((other) => overlap(box, other)).length;
    const candidates = (label, offsets) =>
      offsets
        .flatMap((dy) =>
          [false, true].map((right) => ({ dy, right, box: placed(label, dy, right) })),
        )
        .map((one) => ({ ...one, cost: inside(one.box) ? hits(one.box) : 1000 }));
    const cheapest = (found) => found.reduce((a, b) => (b.cost < a.cost ? b : a));
    const names = [];
    const named = new Set();
    const labeled = new Set();
    const name = (point, lines, offsets, most) => {
      const label = { point, lines };
      const { dy, right, box, cost } = cheapest(candidates(label, offsets));
      if (cost > most) return;
      taken.push(box);
      named.add(point.model);
      labeled.add(point);
      const x = across.invert(right ? box.right : box.left);
      const y = down.invert(box.top + LINE - 2);
      const distant = Math.abs(dy - 4) > 11 ? { point_x: point.x, point_y: point.y } : {};
      const own = { model: point.model, text: lines.join("\n"), best: point === best };
      names.push({ ...own, x, y, right, ...distant });
    };
    for (const point of asked) {
      const first = named.has(point.model) ? [] : [point.name];
      const lines = several ? [...first, point.variant] : first;
      if (lines.length && !labeled.has(point)) name(point, lines, OFFSETS, Infinity);
    }
    for (const point of matches) {
      if (!named.has(point.model)) name(point, [point.name], OFFSETS, Infinity);
    }
    for (const point of others) {
      if (!named.has(point.model)) name(point, [point.name], OFFSETS.slice(0, 3), 0);
    }
    return names;
  };

  return { cornersOf, frontOf, namesOf, pointsOf };
})();
