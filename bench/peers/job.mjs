/** What every side of the comparison does, and how it is asked: a line of JSON in, a line of JSON out. */
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Reads lines from standard input and answers each; `handlers` by the message's `do`. */
export async function serve(handlers) {
  for await (const line of createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    const answer = await handlers[message.do](message);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

/**
 * Takes pictures one after the other, or several in flight, and tells how long all took and each by itself.
 *
 * @param {string[]} pictures
 * @param {number} inFlight
 * @param {(path: string) => Promise<number>} one resolves to how many things were seen
 */
export async function through(pictures, inFlight, one) {
  const latencies = [];
  let seen = 0;
  let next = 0;
  const worker = async () => {
    while (next < pictures.length) {
      const path = pictures[next++];
      const started = performance.now();
      const found = await one(path);
      seen += found;
      latencies.push(performance.now() - started);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { wallMs: performance.now() - started, latencies, seen };
}

/**
 * So many callers, each of which sends its next request when it has its answer, and what the event loop suffers meanwhile.
 *
 * @param {number} callers
 * @param {number} requests of all callers together
 * @param {(i: number) => Promise<number>} one resolves to how many things were seen
 */
export async function calledBy(callers, requests, one) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const processor = process.cpuUsage();
  delay.enable();
  const { wallMs, latencies, seen } = await through([...Array(requests).keys()], callers, one);
  delay.disable();
  const { user, system } = process.cpuUsage(processor);
  // The histogram has the interval in it.
  return { wallMs, latencies, seen, loopDelayMs: delay.percentile(99) / 1e6 - 1, processorMs: (user + system) / 1000 };
}

/** Lets so many calls of `one` in at a time; the others wait in their order. */
export function limited(inFlight, one) {
  const waiting = [];
  let free = inFlight;
  return async (i) => {
    if (free > 0) free--;
    else await new Promise((resolve) => waiting.push(resolve));
    try {
      return await one(i);
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

/** The most memory that the process has had at once, in MB. */
export function peakMb() {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
}
