/** Runs of a session, timed until they are stable and then for a while. */
import { median } from '../statistics.mjs';

const windowMs = 300;
const mostWindows = 12;
/** Stable: two windows in a row whose medians differ by no more than this. */
const sameWithin = 0.03;

/** The share of a list below which `part` of it lies. */
export function quantile(list, part) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

/**
 * @param {() => Promise<object>} run One run; gives its result.
 * @param {number} callers How many are under way at once.
 * @param {number} ms For how long callers begin new ones.
 * @returns {Promise<{ times: number[], results: object[], ms: number }>} Milliseconds of each run as a caller sees them, and of all together.
 */
export async function runFor(run, callers, ms) {
  const times = [];
  const results = [];
  const started = performance.now();
  const call = async () => {
    do {
      const begun = performance.now();
      results.push(await run());
      times.push(performance.now() - begun);
    } while (performance.now() - started < ms);
  };
  await Promise.all(Array.from({ length: callers }, call));
  return { times, results, ms: performance.now() - started };
}

/** Runs until it gets no faster. */
export async function warmUp(run, callers) {
  let before = Infinity;
  for (let window = 0; window < mostWindows; window++) {
    const now = median((await runFor(run, callers, windowMs)).times);
    if (Math.abs(now - before) <= sameWithin * now) return;
    before = now;
  }
}

/**
 * Runs of a batch, with inputs of zeros in memory of the session and outputs that are let go at once.
 *
 * @returns {{ run: () => Promise<{ result: import('../../dist/index.js').RunResult, outputBytes: number }>, inputBytes: number }}
 */
export function runOf(session, batch) {
  const inputs = {};
  let inputBytes = 0;
  for (const { name, shape } of session.inputs) {
    const dims = shape.map((size, axis) => (typeof size === 'number' ? size : axis === 0 ? batch : 1));
    inputs[name] = session.allocateInput(name, dims);
    inputs[name].data.fill(0);
    inputBytes += inputs[name].data.byteLength;
  }
  const run = async () => {
    const result = await session.run(inputs);
    const outputBytes = Object.values(result.outputs).reduce((bytes, { data }) => bytes + data.byteLength, 0);
    result.dispose();
    return { result, outputBytes };
  };
  return { run, inputBytes };
}
