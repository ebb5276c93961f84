// Exact rates of a schedule in whole numbers, each rounded once (SPEC, clauses 2, 3, 4 and 7).
// A plain script, not an ES module: a browser loads no module from a file, and the built site can be read without a server.
"use strict";

globalThis.clrRef = (() => {
  const MAX_STEP = 2n ** 63n - 1n;
  const POLICIES = { triangular: "cycle", triangular2: "cycle", exp_range: "iterations" };
  // Bits of the significand, exponent of the smallest subnormal, exponent of the first power of two that overflows.
  const FORMATS = {
    float32: { bits: 24, smallest: -149, overflow: 128 },
    float64: { bits: 53, smallest: -1074, overflow: 1024 },
  };
  // |maximal - initial| * height lies in 2**-2098 .. 2**1025. A scale beyond 2**+-CLAMP is held there, because the product is
  // then far below half of the smallest subnormal or far above the largest finite number, and no rounding changes.
  const CLAMP = 5000n;
  const bitLength = (n) => {
    const hex = (n < 0n ? -n : n).toString(16);
    return n === 0n ? 0 : 4 * hex.length - Math.clz32(parseInt(hex[0], 16)) + 28;
  };
  const trailingZeros = (n) => bitLength(n & -n) - 1;
  const shiftUp = (n, count) => (count > 0 ? n << BigInt(count) : n);

  // The whole number n and the exponent e with number === n * 2**e.
  function dyadic(number) {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, number);
    const bits = view.getBigUint64(0);
    const field = Number((bits >> 52n) & 0x7ffn);
    const fraction = (bits & (2n ** 52n - 1n)) | (field ? 2n ** 52n : 0n);
    return { n: bits >> 63n ? -fraction : fraction, e: Math.max(field, 1) - 1075 };
  }

  // numerator / denominator * 2**exponent as the nearest float of a format, ties to even; zero is +0, overflow is infinite.
  function roundTo(numerator, denominator, exponent, { bits, smallest, overflow }) {
    const size = numerator < 0n ? -numerator : numerator;
    let magnitude = bitLength(size) - bitLength(denominator);
    if (shiftUp(size, -magnitude) < shiftUp(denominator, magnitude)) magnitude -= 1;
    const quantum = Math.max(magnitude + exponent - (bits - 1), smallest);
    const scaled = shiftUp(size, exponent - quantum);
    const whole = shiftUp(denominator, quantum - exponent);
    const twiceRest = 2n * (scaled % whole);
    let count = scaled / whole;
    if (twiceRest > whole || (twiceRest === whole && count % 2n === 1n)) count += 1n;
    if (count === 0n) return 0;
    const result = bitLength(count) + quantum > overflow ? Infinity : Number(count) * 2 ** quantum;
    return numerator < 0n ? -result : result;
  }

  // Whole numbers low, high, e with low * 2**e <= gamma**exponent <= high * 2**e; low === high where the power is exact.
  function power(gamma, exponent, bits) {
    const { n, e } = dyadic(gamma);
    const zeros = trailingZeros(n);
    const odd = n >> BigInt(zeros);
    const unit = BigInt(e + zeros);
    // Every squaring doubles the relative error, so the result loses one bit per bit of the exponent.
    const keep = bits + bitLength(exponent) + 8;
    let [low, high, scale] = [1n, 1n, 0n];
    for (const digit of exponent.toString(2)) {
      [low, high, scale] = [low * low, high * high, 2n * scale];
      if (digit === "1") [low, high, scale] = [low * odd, high * odd, scale + unit];
      const excess = bitLength(high) - keep;
      if (excess > 0) {
        const cut = BigInt(excess);
        [low, high, scale] = [low >> cut, -(-high >> cut), scale + cut];
      }
    }
    return { low, high, e: scale };
  }

  // The scale function's value at a cycle or step, enclosed as by power; e is a Number within CLAMP.
  function scaleAt(schedule, argument, bits) {
    if (schedule.policy === "triangular") return { low: 1n, high: 1n, e: 0 };
    if (schedule.policy === "triangular2") return { low: 1n, high: 1n, e: Number(argument - 1n < CLAMP ? 1n - argument : -CLAMP) };
    const { low, high, e } = power(schedule.gamma, argument, bits);
    if (e + BigInt(bitLength(high)) < -CLAMP) return { low: 1n, high: 1n, e: Number(-CLAMP) };
    if (e + BigInt(bitLength(low)) > CLAMP) return { low: 1n, high: 1n, e: Number(CLAMP) };
    return { low, high, e: Number(e) };
  }

  // The cycle, counted from 1, and the distance to its nearer end: the height of the triangle is distance / p.
  function phase({ p, q }, step) {
    const along = (step * q) % (2n * p);
    return { cycle: 1n + (step * q) / (2n * p), distance: along <= p ? along : 2n * p - along };
  }

  // The exact rate at a step, a BigInt 0n .. MAX_STEP, rounded once to the schedule's dtype or to another one.
  function rate(schedule, step, dtype = schedule.dtype) {
    const { cycle, distance } = phase(schedule, step);
    const { initial, amplitude, exponent, p } = schedule;
    const argument = schedule.scaleMode === "cycle" ? cycle : step;
    const rounded = (scale, e) => {
      const numerator = shiftUp(initial * p, -e) + shiftUp(amplitude * distance * scale, e);
      return roundTo(numerator, shiftUp(p, -e), exponent, FORMATS[dtype]);
    };
    if (amplitude * distance === 0n) return rounded(0n, 0);
    // The loop ends. A bound, a step_size and a midpoint of two floats have fewer than 4,500 bits together, so a longer power makes
    // no rate a midpoint, and a narrower interval decides. A shorter power is exact once `bits` exceeds its length.
    for (let bits = 32; ; bits *= 2) {
      const { low, high, e } = scaleAt(schedule, argument, bits);
      const result = rounded(low, e);
      if (low === high || result === rounded(high, e)) return result;
    }
  }

  const shown = (text) => (text === "" ? "nothing" : JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text));

  // The number that a decimal stands for, rounded as Python and clr_ref round it: a whole number once, another one to float64 first.
  function rounded(text, dtype) {
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return NaN;
    const number = Number(text);
    if (!Number.isFinite(number)) return number;
    const isWhole = /^[+-]?\d+$/.test(text);
    const { n, e } = isWhole ? { n: BigInt(text.replace("+", "")), e: 0 } : dyadic(number);
    return roundTo(n, 1n, e, FORMATS[dtype]);
  }

  // A schedule from the texts of a form, or for each wrong field the message that stands beside it.
  function parseSchedule({ policy, scaleMode = POLICIES[policy], dtype = "float32", ...texts }) {
    const errors = {};
    const read = (name, kind, accepted, isAccepted) => {
      const text = texts[name].trim();
      const number = rounded(text, kind);
      if (!isAccepted(number)) errors[name] = `${name} must be ${accepted}, got ${shown(text)}`;
      return number;
    };
    const isPositive = (number) => Number.isFinite(number) && number > 0;
    const first = read("initial_learning_rate", dtype, `a finite number of ${dtype}`, Number.isFinite);
    const peak = read("maximal_learning_rate", dtype, `a finite number of ${dtype}`, Number.isFinite);
    const stepSize = read("step_size", dtype, `a finite number of ${dtype} > 0`, isPositive);
    const gamma = policy === "exp_range" ? read("gamma", "float64", "a finite number of float64 > 0", isPositive) : 1;
    if (Object.keys(errors).length) return { errors };
    const [low, high, half] = [first, peak, stepSize].map(dyadic);
    const exponent = Math.min(low.e, high.e);
    const [initial, maximal] = [low, high].map(({ n, e }) => shiftUp(n, e - exponent));
    const e = half.e + trailingZeros(half.n);
    const p = shiftUp(half.n >> BigInt(trailingZeros(half.n)), e);
    const q = shiftUp(1n, -e);
    return { errors, schedule: { policy, scaleMode, dtype, gamma, initial, amplitude: maximal - initial, exponent, p, q, first, peak } };
  }

  // Whole numbers from a text, separated by commas or spaces, or the message that stands beside the field.
  function parseWholes(name, text, { low = 0n, high = MAX_STEP, most = 100 } = {}) {
    const words = text.split(/[\s,]+/).filter(Boolean);
    const accepted = most === 1 ? `a whole number ${low} .. ${high}` : `1 to ${most} whole numbers ${low} .. ${high}`;
    const isWrong = (word) => !/^\d+$/.test(word) || word.length > 400 || BigInt(word) < low || BigInt(word) > high;
    if (words.length === 0) return { error: `${name} must be ${accepted}, got nothing` };
    if (words.some(isWrong)) return { error: `${name} must be ${accepted}, got ${shown(words.find(isWrong))}` };
    if (words.length > most) return { error: `${name} must be ${accepted}, got ${words.length} numbers` };
    return { values: words.map(BigInt) };
  }

  // The steps at which the curve of so many cycles is drawn: evenly spaced ones, and those on both sides of every turning point.
  function curveSteps({ p, q }, cycles, most = 400n) {
    const upTo = (n) => (n < MAX_STEP ? n : MAX_STEP);
    const last = upTo((2n * p * cycles + q - 1n) / q);
    const steps = new Set();
    for (let i = 0n; i <= most; i += 1n) steps.add((last * i) / most);
    for (let turn = 0n; turn <= 2n * cycles; turn += 1n) {
      const before = (turn * p) / q;
      for (const step of [before, before + 1n]) if (step <= last) steps.add(step);
    }
    return [...steps].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }

  // The shortest decimal that stands for this float of a dtype and for no other.
  function decimal(number, dtype) {
    if (!Number.isFinite(number)) return number > 0 ? "inf" : "-inf";
    if (dtype === "float64") return String(number);
    for (let digits = 1; ; digits += 1) {
      // Below a power of two floats lie denser, so that the next decimal above may be the one of so few digits.
      const near = Number(number.toPrecision(digits));
      const above = near + Math.sign(number) * 10 ** (Math.floor(Math.log10(Math.abs(near || number))) - digits + 1);
      for (const value of [near, Number(above.toPrecision(digits))]) if (Math.fround(value) === number) return String(value);
    }
  }

  // The number as Python's float.hex writes it.
  function floatHex(number) {
    if (number === 0) return "0x0.0p+0";
    if (!Number.isFinite(number)) return number > 0 ? "inf" : "-inf";
    const { n, e } = dyadic(Math.abs(number));
    const exponent = e + 52;
    const digits = (n & (2n ** 52n - 1n)).toString(16).padStart(13, "0");
    return `${number < 0 ? "-" : ""}0x${n >> 52n}.${digits}p${exponent < 0 ? "" : "+"}${exponent}`;
  }

  return { MAX_STEP, parseSchedule, parseWholes, phase, rate, curveSteps, decimal, floatHex };
})();
