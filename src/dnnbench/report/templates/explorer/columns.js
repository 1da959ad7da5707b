// Columns of the explorer's table. Rank and verdict depend on the answer; the other columns are facts
// of the configuration.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const tableColumns = (() => {
  const data = explorerData;
  const nameOf = (model) => data.networks[model].name;

  const numberOf = ({ bounds }, { limit, reverse }) =>
    bounds[limit] ? bounds[limit][0] * (reverse ? -1 : 1) : null;
  const minima = new Set(data.limits.filter(({ minimum }) => minimum).map(({ name }) => name));
  const FITTING = ["yes", "cannot_tell", "no"];
  const columns = [
    { key: "rank", title: "#", order: (one) => one.rank },
    { key: "name", title: "Network", order: (one) => nameOf(one.network.model).toLowerCase() },
    { key: "variant", title: "Variant", order: (one) => one.network.variant },
    { key: "fits", title: "Fits", order: (one) => FITTING.indexOf(one.fits) },
    ...data.facts
      .filter(({ column }) => column)
      .map((fact) => ({
        key: fact.key,
        title: fact.title,
        number: true,
        order: ({ network }) => numberOf(network, fact),
        // The first click sorts best first: largest first if the limit is a minimum.
        descending: !fact.reverse && minima.has(fact.limit),
      })),
  ];
  // Columns that addresses of earlier versions name differently.
  const FORMER = new Map([["time", "latency"]]);
  const shown = columns.filter((column) => column.number);

  return { FORMER, columns, shown };
})();
