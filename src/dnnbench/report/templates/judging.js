// Which configurations (a network in a variant) fit the limits, and which constraints limit the
// choice. This mirrors `dnnbench pick` (dnnbench/queries/best_fit.py) on numbers, bounds, and ties
// computed in Python
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

  // What would settle the verdict on an inconclusive configuration, one remedy of each kind.
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

  // Compare a configuration with the given limits: [{ control, limit }].
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
      listed: false,
      group: null,
      rank: null,
      next: null,
      latency: null,
    };
  };

  // The verdict on the latencies of a configuration and a lower-ranked one.
  const latencyVerdict = (view, { place }, behind) =>
    Object.keys(view.latencies[place]).find((verdict) =>
      view.latencies[place][verdict].includes(behind.place),
    ) ?? "different";

  // The configurations, best first, that are faster than all better ones of their network.
  const undominated = (ranked) => {
    const fastest = new Map();
    return ranked.filter(({ network: { model, time } }) => {
      const faster = time < (fastest.get(model) ?? Infinity);
      if (faster) fastest.set(model, time);
      return faster;
    });
  };

  // The inconclusive configurations that might be better than the best.
  const rivalsOf = (inconclusive, certain) => {
    const least = certain.length ? certain[0].top1 : -Infinity;
    return undominated(inconclusive.filter(({ top1 }) => top1 > least));
  };

  // Those listed: the ones that fit, then the rivals. Ties are grouped in the order of accuracy: a
  // new group starts at the first one that is not tied with the first of the current group.
  const rank = (view, judged) => {
    const certain = judged.filter((one) => one.fits === "yes");
    const inconclusive = judged.filter((one) => one.fits === "cannot_tell");
    const listed = undominated(certain);
    const rivals = rivalsOf(inconclusive, certain);
    const ranked = [...listed, ...rivals];
    let first = null;
    let group = 0;
    for (const one of [...ranked].sort((a, b) => a.place - b.place)) {
      if (!first || !tied(view, first, one)) {
        first = one;
        group += 1;
      }
      one.group = group;
    }
    listed.forEach((one, index) => {
      one.next = listed[index + 1] ?? null;
      one.latency = one.next && latencyVerdict(view, one, one.next);
    });
    ranked.forEach((one, index) => {
      one.rank = index + 1;
    });
    // A table lists them, and the other inconclusive ones that no other of their network beats.
    const possible = undominated(judged.filter((one) => one.fits !== "no"));
    for (const one of [...ranked, ...possible]) one.listed = true;
    return { certain, inconclusive, rivals, ranked };
  };

  // The limits to relax before a configuration fits for certain, and by which factors. If its bounds
  // are unknown or very uncertain, there are none.
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

  const compared = (a, b) => (a < b ? -1 : Number(a > b));

  const nearer = (a, b) =>
    a.factor - b.factor ||
    b.one.top1 - a.one.top1 ||
    compared(a.one.network.model, b.one.network.model) ||
    compared(a.one.network.variant, b.one.network.variant);

  // Each network's nearest miss, nearest first.
  const nearestOf = (missed) => {
    const models = new Set();
    return missed
      .flatMap(missOf)
      .sort(nearer)
      .filter(({ one: { network } }) => !models.has(network.model) && models.add(network.model));
  };

  // For each limit that alone keeps out a better one, the one that needs the least change.
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

  // The answer for a view (one device and batch size) and limits by control name; for one variant,
  // or for all.
  const judge = (view, controls, limits, variant = null) => {
    const given = controls
      .filter((control) => limits[control.name] !== undefined)
      .map((control) => ({ control, limit: limits[control.name] }));
    const wanted = (one) => variant === null || one.variant === variant;
    const leftOut = view.left_out.filter(wanted);
    const judged = [];
    view.networks.forEach((network, place) => {
      if (!wanted(network)) return;
      const missing = given.find(({ control }) => !network.bounds[control.name]);
      if (missing) {
        const { model, variant: own, unknown } = network;
        leftOut.push({ model, variant: own, reason: unknown[missing.control.name] });
      } else judged.push(judgeOne(network, place, given));
    });
    leftOut.sort((a, b) => compared(a.model, b.model) || compared(a.variant, b.variant));
    const { certain, inconclusive, rivals, ranked } = rank(view, judged);
    const [best = null] = certain;
    const missed = judged.filter((one) => one.fits === "no");
    const better = missed.filter(
      (one) => !best || (one.top1 > best.top1 && !tied(view, best, one)),
    );
    return {
      given,
      variant,
      variants: view.variants.filter((name) => wanted({ variant: name })),
      judged,
      found: ranked,
      leftOut,
      best,
      fit: certain.length,
      inconclusive,
      rivals,
      better,
      binding: bindingOf(better.flatMap(missOf)),
      nearest: ranked.length ? [] : nearestOf(missed),
    };
  };

  // The other batch sizes of a device, which has a view for each, at which the best configuration is
  // more accurate. `answerTo` judges a view.
  const betterSizes = (views, size, best, answerTo) =>
    Object.keys(views)
      .filter((other) => Number(other) !== size)
      .map((other) => ({ size: other, best: answerTo(views[other]).best }))
      .filter((other) => other.best && other.best.top1 > (best ? best.top1 : -Infinity));

  // The controls for which a configuration got this verdict.
  const controlsOf = (one, fits) =>
    one.verdicts.filter((verdict) => verdict.fits === fits).map((verdict) => verdict.control);

  return { betterSizes, boundsOf, controlsOf, judge, remediesOf };
})();
