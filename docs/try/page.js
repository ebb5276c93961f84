// The form, the curve and the table of the page "Try a schedule"; schedule.js computes what they show.
"use strict";

(() => {
  const { parseSchedule, parseWholes, phase, rate, curveSteps, decimal, floatHex } = globalThis.clrRef;
  const form = document.getElementById("try-form");
  const curve = document.getElementById("try-curve");
  const table = document.getElementById("try-rates");
  const results = document.getElementById("try-results");
  const SCHEDULE_FIELDS = ["initial_learning_rate", "maximal_learning_rate", "step_size", "gamma"];
  const HEIGHT = 300;
  const MARGIN = { top: 14, right: 58, bottom: 44, left: 76 };
  const TEXT_HEIGHT = 14;

  function element(parent, name, attributes = {}, text = "") {
    const space = parent.namespaceURI;
    const child = parent.appendChild(document.createElementNS(space, name));
    for (const [key, value] of Object.entries(attributes)) child.setAttribute(key, value);
    child.textContent = text;
    return child;
  }

  // Two to six round numbers between low and high.
  function ticks(low, high, smallest = 0) {
    const rough = (high - low) / 5;
    const power = 10 ** Math.floor(Math.log10(rough));
    const unit = Math.max(smallest, power * [1, 2, 5, 10].find((factor) => factor * power >= rough));
    const marks = [];
    const first = Math.ceil(low / unit);
    // Counted from the first one: i += 1 changes no i above 2^53.
    for (let n = 0; n <= 10 && (first + n) * unit <= high; n += 1) marks.push(Number(((first + n) * unit).toPrecision(12)));
    return marks;
  }

  const shownStep = (step) => (step < 1e6 ? step.toLocaleString("en") : step.toExponential().replace("e+", "e"));

  function draw(schedule, cycles, chosen) {
    const width = Math.max(curve.clientWidth, 240);
    const all = curveSteps(schedule, cycles).map((step) => ({ step, rate: rate(schedule, step, "float64") }));
    const points = all.filter((point) => Number.isFinite(point.rate));
    const rates = points.map((point) => point.rate);
    let [low, high] = [Math.min(...rates), Math.max(...rates)];
    // Subnormal rates span no axis, nor do those that differ in fewer digits than a label has.
    if (!(high - low > 1e-300 + 1e-11 * Math.max(Math.abs(low), Math.abs(high)))) [low, high] = low === 0 ? [-1, 1] : [low - Math.abs(low) / 2, high + Math.abs(high) / 2];
    const last = all[all.length - 1].step;
    const x = (step) => MARGIN.left + (Number(step) / Number(last)) * (width - MARGIN.left - MARGIN.right);
    // Each end is divided first: the difference of two bounds may be infinite.
    const y = (value) => HEIGHT - MARGIN.bottom - ((value / 2 - low / 2) / (high / 2 - low / 2)) * (HEIGHT - MARGIN.top - MARGIN.bottom);

    curve.replaceChildren();
    const svg = curve.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
    const label = `The rate from step 0 to step ${last}, between ${low} and ${high}`;
    for (const [key, value] of Object.entries({ width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": label }))
      svg.setAttribute(key, value);
    for (const value of ticks(low, high)) {
      element(svg, "line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) });
      element(svg, "text", { x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, String(value));
    }
    const marks = ticks(0, Number(last), 1).filter((_, index, { length }) => width > 500 || length < 5 || index % 2 === 0);
    for (const step of marks) {
      element(svg, "line", { class: "grid", x1: x(step), x2: x(step), y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom });
      element(svg, "text", { x: x(step), y: HEIGHT - MARGIN.bottom + 16, "text-anchor": "middle" }, shownStep(step));
    }
    element(svg, "text", { x: (MARGIN.left + width - MARGIN.right) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, "step");
    const side = (MARGIN.top + HEIGHT - MARGIN.bottom) / 2;
    element(svg, "text", { x: 12, y: side, "text-anchor": "middle", transform: `rotate(-90 12 ${side})` }, "rate");
    element(svg, "polyline", { class: "rate", points: points.map((point) => `${x(point.step)},${y(point.rate)}`).join(" ") });
    for (const { step, exact } of chosen) {
      if (step > last || !Number.isFinite(exact)) continue;
      const dot = element(svg, "circle", { class: "chosen", cx: x(step), cy: y(exact), r: 4 });
      element(dot, "title", {}, `step ${step}: ${exact}`);
    }
    const bounds = [
      { name: "initial", value: schedule.first },
      { name: "maximal", value: schedule.peak },
    ].filter(({ value }) => value >= low && value <= high);
    const areApart = bounds.length < 2 || Math.abs(y(bounds[0].value) - y(bounds[1].value)) > TEXT_HEIGHT;
    for (const { name, value } of areApart ? bounds : [{ name: "both", value: schedule.first }]) {
      element(svg, "line", { class: "bound", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) });
      element(svg, "text", { class: "name", x: width - MARGIN.right + 6, y: y(value) + 4 }, name);
    }
    const endless = all.length - points.length;
    if (endless) element(curve, "p", {}, `The rate is too large for a float64 at ${endless} of ${all.length} drawn steps.`);
  }

  function fill(schedule, chosen) {
    table.replaceChildren();
    for (const { step, rounded } of chosen) {
      const row = element(table, "tr");
      const cells = [step, phase(schedule, step).cycle, decimal(rounded, schedule.dtype), floatHex(rounded)];
      for (const cell of cells) element(row, "td", {}, String(cell));
    }
  }

  function show(errors) {
    for (const input of form.querySelectorAll("input")) {
      const message = errors[input.name] ?? "";
      input.setAttribute("aria-invalid", String(message !== ""));
      document.getElementById(`${input.name}-error`).textContent = message;
    }
  }

  function update() {
    const fields = Object.fromEntries(new FormData(form));
    // A disabled field is no part of the form's data.
    form.elements.gamma.disabled = fields.policy !== "exp_range";
    const texts = Object.fromEntries(SCHEDULE_FIELDS.map((name) => [name, form.elements[name].value]));
    const { errors, schedule } = parseSchedule({ policy: fields.policy, ...texts });
    const steps = parseWholes("steps", fields.steps);
    const cycles = parseWholes("cycles", fields.cycles, { low: 1n, high: 50n, most: 1 });
    if (steps.error) errors.steps = steps.error;
    if (cycles.error) errors.cycles = cycles.error;
    show(errors);
    // What was computed from other inputs must not stand beside these.
    results.hidden = Object.keys(errors).length > 0;
    document.getElementById("try-wrong").hidden = !results.hidden;
    if (results.hidden) return;
    const chosen = steps.values.map((step) => ({ step, rounded: rate(schedule, step), exact: rate(schedule, step, "float64") }));
    fill(schedule, chosen);
    draw(schedule, cycles.values[0], chosen);
  }

  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  let drawnWidth = 0;
  new ResizeObserver(() => {
    if (curve.clientWidth && curve.clientWidth !== drawnWidth) {
      drawnWidth = curve.clientWidth;
      update();
    }
  }).observe(curve);
  update();
})();
