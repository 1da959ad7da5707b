// The table as a CSV file, as shown, with the columns of `dnnbench pick --csv`.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const csvDownload = (() => {
  const data = explorerData;

  const field = (value) => {
    if (value === null || value === undefined) return "";
    const text = String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  const table = ({ device, answer }) => {
    const names = [...data.judged, ...data.recorded];
    const lines = networkTable.listed(answer).map((one) => {
      const { model, variant, record } = one.network;
      const remedies = judging.remediesOf(one);
      const row = {
        ...Object.fromEntries(data.recorded.map((name, index) => [name, record[index]])),
        device: device.key,
        batch_size: settings.now.batch_size,
        rank: one.rank,
        model,
        variant,
        fits: one.fits,
        undecided: networkTable.undecided(one),
        settled_by: remedies.map(({ kind }) => kind).join("+"),
        more_rounds: remedies.find(({ rounds }) => rounds)?.rounds,
        tie_group: one.group,
      };
      return names.map((name) => field(row[name])).join(",");
    });
    return [names.join(","), ...lines].map((line) => `${line}\n`).join("");
  };

  const save = (panel) =>
    handover.save(
      new Blob([table(panel)], { type: "text/csv" }),
      `${panel.device.key}-batch-${settings.now.batch_size}.csv`,
    );

  return { save };
})();
