// Reads schedules and steps as JSON from stdin; writes what docs/try/schedule.js computes for them.
"use strict";
require("../../docs/try/schedule.js");

const { clrRef } = globalThis;
const questions = JSON.parse(require("fs").readFileSync(0, "utf8"));
const results = questions.map(({ fields, steps }) => {
  const { errors, schedule } = clrRef.parseSchedule(fields);
  if (!schedule) return { errors };
  return {
    rows: steps.map((text) => {
      const step = BigInt(text);
      const rate = clrRef.rate(schedule, step);
      return [text, String(clrRef.phase(schedule, step).cycle), clrRef.floatHex(rate), clrRef.decimal(rate, schedule.dtype)];
    }),
    curve: clrRef.curveSteps(schedule, 3n).map(String),
  };
});
process.stdout.write(JSON.stringify(results));
