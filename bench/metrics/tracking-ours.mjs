/**
 * Ours, in a process of its own for tracking.mjs. Answers lines of text with lines of JSON:
 *
 *     load FRAMES GT FOUND   reads both files
 *     arrays RULES           ms from arrays to all numbers, under the rules of a package
 *     files RULES            ms from files to all numbers
 *     peak                   the most memory that the process has had
 */
import { createInterface } from 'node:readline';

import { evaluateTracking, readMotFile } from '../../dist/metrics/index.js';

let paths;
let loaded;
const read = async () => {
  const [truth, found] = await Promise.all(paths.map((path) => readMotFile(path)));
  return [{ name: 'sequence', truth, found }];
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...words] = line.split(' ');
  console.log(JSON.stringify(await answer(command, words)));
}

async function answer(command, words) {
  if (command === 'peak') return { megabytes: process.resourceUsage().maxRSS / 1024 };
  if (command === 'load') {
    paths = words.slice(1);
    loaded = await read();
    return {};
  }
  const processor = process.cpuUsage();
  const started = performance.now();
  const { combined } = await evaluateTracking(command === 'files' ? await read() : loaded, { rules: words[0] });
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(processor);
  return {
    ms,
    processorMs: (user + system) / 1e3,
    mota: combined.clear.mota,
    idf1: combined.identity.idf1,
    hota: combined.hota.hota,
  };
}
