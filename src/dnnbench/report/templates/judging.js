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

  const decisive = ({ kind }) => kind !== "unknown" && kind !== "wide";

  const verdictOf = (number, limit, minimum) => {
    if (minimum ? number.high < limit : number.low > limit) return "no";
    const inside = minimum ? number.low >= limit : number.high <= limit;
    return decisive(number) && inside ? "yes" : "cannot_tell";
  };

  // How many more rounds would settle it, as in dnnbench/queries/remedies.py; null if too many.
  const moreRounds = ({ low, high }, limit, rounds) => {
    const half = Math.log(high / low) / 2;
    const distance = Math.abs(Math.log(limit) - (Math.log(high) + Math.log(low)) / 2);
    if (rounds * half ** 2 > (rounds + explorerData.most_rounds) * distance ** 2) return null;
    const more = Math.max(1, Math.ceil(rounds * ((half / distance) ** 2 - 1) - 1e-9));
    return more < 100 ? more : 10 * Math.ceil(more / 10);
  };

  const remedyOf = ({ rounds, stability }, { control, limit, number }) => {
    const { kind } = number;
    if (control.name === explorerData.accuracy) {
      return { kind: ["interval", "wide"].includes(kind) ? "images" : "accuracy" };
    }
    if (kind === "rounding") return { kind: "measurement" };
    if (kind === "unknown") return { kind: "two_rounds" };
    if (kind === "wide" || stability === "disturbed" || !rounds) return { kind: "again" };
    const more = moreRounds(number, limit, rounds);
    return more === null ? { kind: "too_close" } : { kind: "rounds", rounds: more };
  };

  // What would settle the verdict on an inconclusive network, one remedy of each kind.
  const remediesOf = (one) => {
    const byKind = new Map();
    for (const verdict of one.verdicts) {
      if (verdict.fits !== "cannot_tell") continue;
      const remedy = remedyOf(one.network, verdict);
      const known = byKind.get(remedy.kind);
      if (!known || remedy.rounds > known.rounds) byKind.set(remedy.kind, remedy);
    }
    return [...byKind.values()];
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

  // The networks that fit, then the inconclusive ones. Ties are grouped in the order of accuracy: a
  // new group starts at the first network that is not tied with the first of the current group.
  const rank = (view, judged) => {
    const found = judged.filter((one) => one.fits !== "no");
    let first = null;
    let group = 0;
    for (const one of found) {
      if (!first || !tied(view, first, one)) {
        first = one;
        group += 1;
      }
      one.group = group;
    }
    const certain = found.filter((one) => one.fits === "yes");
    const inconclusive = found.filter((one) => one.fits === "cannot_tell");
    certain.forEach((one, index) => {
      one.next = certain[index + 1] ?? null;
      one.latency = one.next && latencyVerdict(view, one, one.next);
    });
    const ranked = [...certain, ...inconclusive];
    ranked.forEach((one, index) => {
      one.rank = index + 1;
    });
    return { certain, inconclusive, ranked };
  };

  // The limits to relax before a network fits for certain, and by which factors. If its bounds are
  // unknown or very uncertain, there are none.
  const missOf = (one) => {
    const short = one.verdicts.filter(({ fits }) => fits !== "yes");
    if (!short.every(({ number }) => decisive(number))) return [];
    const gives = short.map(({ control, limit, fits }) => {
      const [needed, text] = one.network.needs[control.name] ?? [0, ""];
      const factor = control.minimum ? limit / needed : needed / limit;
      return { control, fits, factor, text };
    });
    return [{ one, gives, factor: Math.max(...gives.map((give) => give.factor)) }];
  };

  const nearer = (a, b) =>
    a.factor - b.factor ||
    b.one.top1 - a.one.top1 ||
    (a.one.network.model < b.one.network.model ? -1 : 1);

  // For each limit that alone keeps out a better network, the network that needs the least change.
  const bindingOf = (better) => {
    const nearest = new Map();
    for (const miss of better) {
      if (miss.gives.length !== 1) continue;
      const [give] = miss.gives;
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
    const { certain, inconclusive, ranked } = rank(view, judged);
    const [best = null] = certain;
    const missed = judged.filter((one) => one.fits === "no");
    const better = missed.filter(
      (one) => !best || (one.top1 > best.top1 && !tied(view, best, one)),
    );
    return {
      given,
      judged,
      found: ranked,
      leftOut,
      best,
      fit: certain.length,
      // Inconclusive networks that might be better than the best that fits.
      rivals: inconclusive.filter((one) => !best || one.top1 > best.top1),
      better,
      binding: bindingOf(better.flatMap(missOf)),
      nearest: ranked.length ? [] : missed.flatMap(missOf).sort(nearer),
    };
  };

  // The controls for which a network got this verdict.
  const controlsOf = (one, fits) =>
    one.verdicts.filter((verdict) => verdict.fits === fits).map((verdict) => verdict.control);

  return { boundsOf, controlsOf, judge, remediesOf };
})();
