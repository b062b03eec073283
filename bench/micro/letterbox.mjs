/**
 * Letterbox of a raw 1920 x 1080 RGB frame to a 640 x 640 planar float input: ours against `cv2.resize` + `cv2.copyMakeBorder` +
 * `cv2.dnn.blobFromImage`, on one thread each, alternating in one run. Ours is timed from the call in JavaScript to the settled promise.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { Preprocess, Tensor } from '../../dist/index.js';
import { median, Peer } from '../statistics.mjs';

const rounds = 30;
const runsPerRound = 20;
const [width, height] = [1920, 1080];

const frame = Tensor.allocate('uint8', [height, width, 3]);
// The same pseudo-random frame on both sides (a linear congruential generator).
let state = 1;
const data = frame.data;
for (let i = 0; i < data.length; i++) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  data[i] = state >>> 24;
}
const input = { data: frame, width, height, format: 'rgb' };
const into = Tensor.allocate('float32', [3, 640, 640]);
const preprocess = Preprocess.preset('yolo');

async function ours() {
  const times = [];
  for (let i = 0; i < runsPerRound; i++) {
    const started = performance.now();
    await preprocess.run(input, { into });
    times.push(performance.now() - started);
  }
  return median(times);
}

const python = process.env.FOVEATE_PYTHON ?? 'python3';
const script = join(import.meta.dirname, 'letterbox_opencv.py');
const peer = new Peer(spawn(python, [script, String(runsPerRound)], { stdio: ['pipe', 'pipe', 'inherit'] }));

const { version, threads } = await peer.ask('version');
await ours();
await peer.ask('run');
const pairs = [];
for (let round = 0; round < rounds; round++) {
  const mine = await ours();
  const theirs = (await peer.ask('run')).ms;
  pairs.push({ mine, theirs });
}
peer.end();

const mine = median(pairs.map((pair) => pair.mine));
const theirs = median(pairs.map((pair) => pair.theirs));
console.log(
  `letterbox 1920x1080 RGB -> 640x640 CHW float32, one thread, median of ${rounds} alternating rounds of ${runsPerRound}`,
);
console.log(`  foveate                              ${mine.toFixed(3)} ms`);
console.log(`  cv2 ${version} resize + blobFromImage (${threads} thread) ${theirs.toFixed(3)} ms`);
console.log(`  ratio foveate / cv2, median of pairs ${median(pairs.map((pair) => pair.mine / pair.theirs)).toFixed(2)}`);
