/** What every side of the comparison does, and how it is asked: a line of JSON in, a line of JSON out. */
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';

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

/** The most memory that the process has had at once, in MB. */
export function peakMb() {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
}
