// Handles on the chart that set its limits, by dragging or with the keyboard.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const limitHandles = (() => {
  const { element } = elements;
  const data = explorerData;
  const DIGITS = 3;
  const KEYS = {
    ArrowRight: 1,
    ArrowUp: 1,
    PageUp: 5,
    ArrowLeft: -1,
    ArrowDown: -1,
    PageDown: -5,
    Home: -Infinity,
    End: Infinity,
  };

  const controlOf = (along) => data.limits.find(({ name }) => name === settings.nameAlong(along));

  const scaleOf = ({ chart }, along) => chart.scale(along);
  const lengthOf = ({ chart }, along) => (along === "x" ? chart.width() : chart.height());
  const areaOf = ({ part }) => part(".plot .root .background").getBoundingClientRect();

  // The loose end of an axis, in pixels: a limit there excludes nothing.
  const looseEnd = (panel, along, { minimum }) =>
    minimum === (along === "x") ? 0 : lengthOf(panel, along);

  const pixelOf = (panel, along, control) => {
    const limit = settings.limitsOn(panel.device)[control.name];
    if (limit === undefined) return looseEnd(panel, along, control);
    return Math.min(Math.max(scaleOf(panel, along)(limit), 0), lengthOf(panel, along));
  };

  const limitAt = (panel, along, control, pixel) => {
    const inside = Math.min(Math.max(pixel, 0), lengthOf(panel, along));
    if (Math.abs(inside - looseEnd(panel, along, control)) < 1) return undefined;
    return Number(scaleOf(panel, along).invert(inside).toPrecision(DIGITS));
  };

  const set = (panel, { name }, limit) => {
    if (settings.limitsOn(panel.device)[name] !== limit) settings.limit(name, limit, panel.device);
  };

  // Follow the pointer until it is released.
  const drag = (panel, along, target, start) => {
    const control = controlOf(along);
    const of = (event) => (along === "x" ? event.clientX : event.clientY);
    const from = pixelOf(panel, along, control) - of(start);
    const follow = (event) => set(panel, control, limitAt(panel, along, control, from + of(event)));
    const stop = () => target.removeEventListener("pointermove", follow);
    target.setPointerCapture(start.pointerId);
    target.addEventListener("pointermove", follow);
    target.addEventListener("lostpointercapture", stop, { once: true });
    start.preventDefault();
  };

  // A key moves the limit to one of the slider's stops.
  const step = (panel, along, event) => {
    const control = controlOf(along);
    const remove = ["Delete", "Backspace"].includes(event.key);
    if (!remove && !(event.key in KEYS)) return;
    event.preventDefault();
    const place = controls.placeOf(control, settings.limitsOn(panel.device)[control.name]);
    const moved = Math.min(Math.max(place + KEYS[event.key], 0), control.stops.length);
    set(panel, control, remove ? undefined : controls.limitAt(control, moved));
  };

  const add = (panel, along) => {
    const handle = element("div", { class: `handle ${along}`, role: "slider", tabindex: 0 });
    handle.setAttribute("aria-orientation", along === "x" ? "horizontal" : "vertical");
    handle.addEventListener("pointerdown", (event) => {
      handle.focus();
      drag(panel, along, handle, event);
    });
    handle.addEventListener("keydown", (event) => step(panel, along, event));
    panel.part(".plot").append(handle);
    return handle;
  };

  const NEAR = 5;
  const lineAt = (panel, { clientX, clientY, target }) => {
    if (!panel.chart || target.closest(".handle") || target.__data__?.datum?.model) return;
    const area = areaOf(panel);
    const pointer = { x: clientX - area.left, y: clientY - area.top };
    return ["x", "y"].find((along) => {
      const control = controlOf(along);
      const limit = control && settings.limitsOn(panel.device)[control.name];
      const other = along === "x" ? "y" : "x";
      const inside = pointer[other] >= 0 && pointer[other] <= lengthOf(panel, other);
      const away = limit && Math.abs(pixelOf(panel, along, control) - pointer[along]);
      return inside && away <= NEAR;
    });
  };

  // A mouse may also drag a line where no network is under the pointer.
  const listen = (panel) => {
    const box = panel.part(".plot");
    box.addEventListener("pointerdown", (event) => {
      const along = event.pointerType === "mouse" && !event.button && lineAt(panel, event);
      if (along) drag(panel, along, box, event);
    });
    box.addEventListener("pointermove", (event) => {
      const along = lineAt(panel, event);
      box.style.cursor = along ? { x: "ew-resize", y: "ns-resize" }[along] : "";
    });
  };

  const show = (panel) => {
    const box = panel.part(".plot");
    const [area, outer] = [areaOf(panel), box.getBoundingClientRect()];
    for (const along of ["x", "y"]) {
      const control = controlOf(along);
      const handle = box.querySelector(`.handle.${along}`) ?? (control && add(panel, along));
      if (!control) handle?.remove();
      if (!control) continue;
      const limit = settings.limitsOn(panel.device)[control.name];
      const pixel = pixelOf(panel, along, control);
      const [x, y] = along === "x" ? [pixel, 0] : [lengthOf(panel, "x"), pixel];
      handle.style.left = `${area.left - outer.left + x}px`;
      handle.style.top = `${area.top - outer.top + y}px`;
      const { label, stops } = control;
      const said = limit === undefined ? wording.TEXTS.no_limit : wording.amount(control, limit);
      const values = { label, valuemin: stops[0], valuemax: stops.at(-1), valuetext: said };
      values.valuenow = limit ?? (control.minimum ? stops[0] : stops.at(-1));
      for (const [name, value] of Object.entries(values))
        handle.setAttribute(`aria-${name}`, value);
      handle.classList.toggle("set", limit !== undefined);
    }
  };

  return { listen, show };
})();
