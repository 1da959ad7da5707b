// Which networks fit the limits, and which constraints limit the choice. This mirrors
// `dnnbench pick` (dnnbench/queries/best_fit.py) on numbers, bounds, and ties computed in Python
// (dnnbench/report/explorer_data.py), and only compares them with the limits.
// tests/report/judging_cases.json checks that both sides agree.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const judging = (() => {
  const boundsOf = (network, name) => {
    const [value, low = value, high = value, kind = "interval"] = network.bounds[name];
    return { value, low, high, kind };
  };

  const verdictOf = (number, limit, minimum) => {
    if (minimum ? number.high < limit : number.low > limit) return "no";
    const inside = minimum ? number.low >= limit : number.high <= limit;
    return number.kind !== "unknown" && inside ? "yes" : "cannot_tell";
  };

  const tied = (view, a, b) =>
    view.ties[Math.min(a.place, b.place)].includes(Math.max(a.place, b.place));

  // Compare a network with the given limits: [{ control, limit }].
  const judgeOne = (network, place, given) => {
    const verdicts = given.map(({ control, limit }) => {
      const number = boundsOf(network, control.name);
      return { control, limit, number, fits: verdictOf(number, limit, control.minimum) };
    });
    const worst = ["no", "cannot_tell"].find((fits) => verdicts.some((v) => v.fits === fits));
    const top1 = boundsOf(network, explorerData.accuracy).value;
    return {
      network,
      place,
      verdicts,
      top1,
      fits: worst ?? "yes",
      group: null,
      rank: null,
      next: null,
      latency: null,
    };
  };

  // The verdict on the latencies of a network and a lower-ranked one.
  const latencyVerdict = (view, { place }, behind) =>
    Object.keys(view.latencies[place]).find((verdict) =>
      view.latencies[place][verdict].includes(behind.place),
    ) ?? "different";

  // A new group starts at the first network that is not tied with the first of the current group.
  const rank = (view, found) => {
    let first = null;
    let group = 0;
    found.forEach((one, index) => {
      if (!first || !tied(view, first, one)) {
        first = one;
        group += 1;
      }
      one.group = group;
      one.rank = index + 1;
      one.next = found[index + 1] ?? null;
      one.latency = one.next && latencyVerdict(view, one, one.next);
    });
  };

  // The limits to relax before a network fits conclusively, and by which factors.
  const missOf = (one) => {
    const gives = one.verdicts
      .map(({ control, limit, fits }) => {
        const [needed, text] = one.network.needs[control.name] ?? [0, ""];
        const factor = control.minimum ? limit / needed : needed / limit;
        return { control, fits, factor, text };
      })
      .filter((give) => give.fits !== "yes" && give.factor > 1);
    return {
      one,
      gives,
      outside: gives.filter((give) => give.fits === "no"),
      factor: Math.max(...gives.map((give) => give.factor)),
    };
  };

  const nearer = (a, b) =>
    a.factor - b.factor ||
    b.one.top1 - a.one.top1 ||
    (a.one.network.model < b.one.network.model ? -1 : 1);

  // For each limit that alone keeps out a better network, the network that needs the least change.
  const bindingOf = (better) => {
    const nearest = new Map();
    for (const miss of better) {
      if (miss.outside.length !== 1) continue;
      const [give] = miss.outside;
      const known = nearest.get(give.control.name);
      if (!known || give.factor < known.give.factor) nearest.set(give.control.name, { give, miss });
    }
    return [...nearest.values()];
  };

  // The answer for a view (one device and batch size) and limits by control name.
  const judge = (view, controls, limits) => {
    const given = controls
      .filter((control) => limits[control.name] !== undefined)
      .map((control) => ({ control, limit: limits[control.name] }));
    const leftOut = { ...view.left_out };
    const judged = [];
    view.networks.forEach((network, place) => {
      const missing = given.find(({ control }) => !network.bounds[control.name]);
      if (missing) leftOut[network.model] = network.unknown[missing.control.name];
      else judged.push(judgeOne(network, place, given));
    });
    const found = judged.filter((one) => one.fits !== "no");
    rank(view, found);
    const [best] = found;
    const misses = judged.filter((one) => one.fits === "no").map(missOf);
    const better = misses.filter(
      ({ one }) => !best || (one.top1 > best.top1 && !tied(view, best, one)),
    );
    return {
      given,
      judged,
      found,
      leftOut,
      best,
      sure: found.find((one) => one.fits === "yes"),
      fit: found.filter((one) => one.fits === "yes").length,
      better,
      binding: bindingOf(better),
      nearest: best ? [] : misses.sort(nearer),
    };
  };

  // The controls for which a network got this verdict.
  const controlsOf = (one, fits) =>
    one.verdicts.filter((verdict) => verdict.fits === fits).map((verdict) => verdict.control);

  return { boundsOf, controlsOf, judge };
})();
