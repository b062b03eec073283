/**
 * Tracking metrics: ours against py-motmetrics (MOTA and IDF1) and TrackEval (the same, and with HOTA; ours always counts all three), from arrays
 * in memory and from MOTChallenge's files, alternating in one run, each in a process of its own per size. `--write` keeps the tables.
 * FOVEATE_PYTHON names a Python with tracking-requirements.txt installed.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';

import { median, Peer } from '../statistics.mjs';
import { trackFiles } from './tracking-data.mjs';

const sizes = [
  { frames: 100, objects: 10, rounds: 7 },
  { frames: 250, objects: 25, rounds: 5 },
  { frames: 500, objects: 50, rounds: 3 },
  { frames: 1000, objects: 100, rounds: 3 },
];
/** What is timed of whom; the answers of all are compared. */
const entrants = [
  { name: 'foveate', peer: 'foveate', work: 'trackeval' },
  { name: 'py-motmetrics', peer: 'motmetrics', work: 'clear' },
  { name: 'TrackEval, MOTA and IDF1', peer: 'trackeval', work: 'clear' },
  { name: 'TrackEval, with HOTA', peer: 'trackeval', work: 'all' },
];
const python = process.env.FOVEATE_PYTHON ?? 'python3';

function startPeers() {
  const script = (name) => join(import.meta.dirname, name);
  const start = (command, args) => new Peer(spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
  return {
    foveate: start(process.execPath, [script('tracking-ours.mjs')]),
    motmetrics: start(python, [script('tracking_peer.py'), 'motmetrics']),
    trackeval: start(python, [script('tracking_peer.py'), 'trackeval']),
  };
}

/** Both packages' numbers are to be ours, under their rules. */
function compare(ours, theirs, who) {
  for (const name of ['mota', 'idf1', 'hota']) {
    if (theirs[name] === undefined || Math.abs(ours[name] - theirs[name]) < 1e-12) continue;
    throw new Error(`${name} of ${who} is ${theirs[name]}, ours ${ours[name]}`);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'foveate-bench-'));
const tables = { arrays: [], processor: [], files: [], memory: [] };
let versions;
for (const { frames, objects, rounds } of sizes) {
  const [truth, found] = [join(folder, 'gt.txt'), join(folder, 'found.txt')];
  const boxes = trackFiles({ frames, objects }, truth, found);
  const peers = startPeers();
  versions ??= { ...(await peers.motmetrics.ask('version')), ...(await peers.trackeval.ask('version')) };
  for (const peer of Object.values(peers)) await peer.ask(`load ${frames} ${truth} ${found}`);
  const compared = {
    motmetrics: await peers.foveate.ask('arrays py-motmetrics'),
    trackeval: await peers.foveate.ask('arrays trackeval'),
  };
  for (const from of ['arrays', 'files']) {
    const answers = entrants.map(() => []);
    for (let round = -1; round < rounds; round++) {
      for (const [i, { peer, work }] of entrants.entries()) {
        const answer = await peers[peer].ask(`${from} ${work}`);
        if (peer !== 'foveate') compare(compared[peer], answer, peer);
        if (round >= 0) answers[i].push(answer);
      }
    }
    const cells = (measure) =>
      answers.map((theirs, i) => {
        const ratio = median(theirs.map((answer, round) => answer[measure] / answers[0][round][measure]));
        return `${format(median(theirs.map((answer) => answer[measure])))}${i === 0 ? '' : ` (${format(ratio)}x)`}`;
      });
    const size = [`${frames} x ${objects}`, String(boxes)];
    tables[from].push([...size, ...cells('ms')]);
    if (from === 'arrays') tables.processor.push([...size, ...cells('processorMs')]);
    console.log(from, tables[from].at(-1).join(' | '));
  }
  const peaks = await Promise.all(Object.values(peers).map(async (peer) => (await peer.ask('peak')).megabytes));
  tables.memory.push([`${frames} x ${objects}`, ...peaks.map((megabytes) => megabytes.toFixed(0))]);
  console.log('peak MB', tables.memory.at(-1).join(' | '));
  for (const peer of Object.values(peers)) peer.end();
}
rmSync(folder, { recursive: true });

function format(value) {
  return value.toFixed(value < 10 ? 1 : 0);
}

function markdown(header, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |\n`;
  return line(header) + line(header.map(() => '---')) + rows.map(line).join('');
}

const names = entrants.map(({ name }) => `${name}, ms`);
const report = `# Tracking metrics

\`nice -n 19 node bench/metrics/tracking.mjs --write\`, Node ${process.version}, ${cpus()[0].model}, ${cpus().length} cores; py-motmetrics ${versions.motmetrics} (solver: lap
${versions.lap}), TrackEval ${versions.trackeval}, NumPy ${versions.numpy}, pandas ${versions.pandas}. Medians; in brackets how often ours fits into theirs, the median of rounds. One
sequence of frames x objects, a tenth of which is missed, and as many boxes found where nothing is. Ours is timed on one lane, from the call in JavaScript to the settled promise, and
always counts all: MOTA, IDF1 and HOTA. Our lanes run at the lowest priority; nice gives all the same. In every round the others' numbers were compared with ours: they agree to 1e-12.

## From arrays in memory

${markdown(['frames x objects', 'boxes', ...names], tables.arrays)}
Of the processor's time alone, which waiting for other programs is no part of:

${markdown(['frames x objects', 'boxes', ...names], tables.processor)}
## From files

Reading gt.txt and results besides.

${markdown(['frames x objects', 'boxes', ...names], tables.files)}
## Peak memory

Of the process, the runtime and its packages included, in MB.

${markdown(['frames x objects', 'foveate', 'py-motmetrics', 'TrackEval'], tables.memory)}`;
if (process.argv.includes('--write')) writeFileSync(join(import.meta.dirname, '../results/metrics-tracking.md'), report);
