// Data for the explorer's chart; dnnbench/report/figures/explorer_chart.py describes the format.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const plotting = (() => {
  // In pixels: the width of a character, also in bold, and the gap between a point and its name.
  const CHARACTER = 6.2;
  const BOLD = 7;
  const GAP = 10;

  // Points of all evaluated networks with a positive value on the axis. Fitting ones come last
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
  // and last network, so that no part of it looks like a limit.
  const cornersOf = (front) =>
    front
      .flatMap(({ x, y }, index) => [...(index ? [{ x, y: front[index - 1].y }] : []), { x, y }])
      .map((corner, order) => ({ ...corner, order }));

  const overlap = (a, b) =>
    a.left <= b.right && b.left <= a.right && a.top <= b.bottom && b.top <= a.bottom;

  // Positions of a name relative to its point: to the right or left, then farther up and down.
  const OFFSETS = [-7, 4, 15, -21, 29, -35, 43, -49, 57, -63, 71, -77, 85];
  const HEIGHT = 12;

  // Names of points. Every name in `asked` is placed, the others only if there is room.
  const namesOf = ({ asked, others, points, best, limits }, chart) => {
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
    const placed = ({ model, name, x, y }, dy, right) => {
      const width = (model === best ? BOLD : CHARACTER) * name.length;
      const left = right ? across(x) - GAP - width : across(x) + GAP;
      const bottom = down(y) + dy + 2;
      return { left, right: left + width, top: bottom - HEIGHT, bottom };
    };
    const inside = ({ left, right, top, bottom }) =>
      left >= 0 && right <= chart.width() && top >= 0 && bottom <= chart.height();
    const hits = (box) => taken.filter((other) => overlap(box, other)).length;
    const candidates = (point, offsets) =>
      offsets
        .flatMap((dy) =>
          [false, true].map((right) => ({ dy, right, box: placed(point, dy, right) })),
        )
        .map((one) => ({ ...one, cost: inside(one.box) ? hits(one.box) : 1000 }));
    const cheapest = (found) => found.reduce((a, b) => (b.cost < a.cost ? b : a));
    const names = new Map();
    const name = (point, offsets, most) => {
      if (names.has(point.model)) return;
      const { dy, right, box, cost } = cheapest(candidates(point, offsets));
      if (cost > most) return;
      taken.push(box);
      const x = across.invert(right ? box.right : box.left);
      const y = down.invert(box.bottom - 2);
      const distant = Math.abs(dy - 4) > 11 ? { point_x: point.x, point_y: point.y } : {};
      const own = { model: point.model, text: point.name, best: point.model === best };
      names.set(point.model, { ...own, x, y, right, ...distant });
    };
    for (const point of asked) name(point, OFFSETS, Infinity);
    for (const point of others) name(point, OFFSETS.slice(0, 3), 0);
    return [...names.values()];
  };

  return { cornersOf, frontOf, namesOf, pointsOf };
})();
