// The chart as an image, with the question above it, for use outside of the page.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const chartImage = (() => {
  const { element } = elements;
  const { TEXTS } = wording;
  const PADDING = 12;
  const LINE = 18;
  // Pixels of a PNG file per pixel of the page.
  const SCALE = 2;

  // Colors are CSS variables, which exist only on the page.
  const withColors = (svg) => {
    const style = getComputedStyle(document.documentElement);
    return svg.replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
  };

  const linesOf = ({ device, answer }) => [
    `${device.label}${device.machine ? `, ${device.machine}` : ""}`,
    wording.question(answer, settings.now.batch_size),
  ];

  const drawing = async (panel) => {
    const text = await panel.chart.toSVG();
    const chart = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    const namespaced = (tag, attributes) => {
      const made = document.createElementNS(chart.namespaceURI, tag);
      for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
      return made;
    };
    const lines = linesOf(panel);
    const above = PADDING + LINE * lines.length;
    const width = Number(chart.getAttribute("width")) + 2 * PADDING;
    const height = Number(chart.getAttribute("height")) + above + 2 * PADDING;
    const whole = namespaced("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
    const paper = namespaced("rect", { width, height, fill: "var(--paper)" });
    chart.setAttribute("x", PADDING);
    chart.setAttribute("y", above + PADDING);
    const heads = lines.map((line, index) => {
      const y = PADDING + LINE * (index + 0.8);
      const style = { x: PADDING, y, fill: "var(--ink)", "font-family": "sans-serif" };
      const head = namespaced("text", { ...style, "font-size": 13 });
      head.textContent = line;
      return head;
    });
    whole.append(paper, ...heads, chart);
    return { svg: withColors(new XMLSerializer().serializeToString(whole)), width, height };
  };

  const vector = ({ svg }) => new Blob([svg], { type: "image/svg+xml" });

  const pixels = async (drawn) => {
    const picture = new Image();
    picture.src = URL.createObjectURL(vector(drawn));
    await picture.decode();
    const canvas = element("canvas", {
      width: SCALE * drawn.width,
      height: SCALE * drawn.height,
    });
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(picture.src);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  };

  const nameOf = ({ device }) =>
    `${device.key}-batch-${settings.now.batch_size}-${settings.now.axis}`;

  // Buttons that copy and save the chart of a panel.
  const buttons = (panel) => {
    const saving = (title, kind, encode) => {
      const button = element("button", { type: "button", class: `save-${kind}` }, title);
      button.addEventListener("click", async () =>
        handover.save(await encode(await drawing(panel)), `${nameOf(panel)}.${kind}`),
      );
      return button;
    };
    // Safari requires that the item is made at once, and its content may come later.
    const copy = async () =>
      navigator.clipboard.write([new ClipboardItem({ "image/png": drawing(panel).then(pixels) })]);
    return [
      handover.copyButton(TEXTS.copy_chart, copy),
      saving(TEXTS.save_svg, "svg", vector),
      saving(TEXTS.save_png, "png", pixels),
    ];
  };

  return { buttons };
})();
