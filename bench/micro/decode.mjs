/**
 * Decoding and suppression of a raw YOLOv8 output [84, 8400] with 20 and with 300 objects: ours against numpy with
 * `cv2.dnn.NMSBoxesBatched`, on one thread each, alternating in one run. Ours is timed from the call in JavaScript to the settled promise.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { native } from '../../dist/binding/index.js';
import { Tensor } from '../../dist/index.js';
import { median, Peer } from '../statistics.mjs';

const rounds = 25;
const runsPerRound = 100;
const [rows, anchors] = [84, 8400];
const spec = {
  ...{ head: 'yolov8', classes: 80, anchors, strides: [], priors: undefined, activation: 'none', pointsPerCell: 1 },
  ...{ keypoints: 0, keypointValues: 3, maskCoefficients: 0, rotated: false },
  ...{ scoreThreshold: 0.25, iouThreshold: 0.45, maxDetections: 1000, classAgnostic: false, classFilter: [] },
};
const placement = {
  sourceWidth: 640,
  sourceHeight: 640,
  inputWidth: 640,
  inputHeight: 640,
  scaleX: 1,
  scaleY: 1,
  offsetX: 0,
  offsetY: 0,
};

const script = join(import.meta.dirname, 'decode_numpy.py');
const python = process.env.FOVEATE_PYTHON ?? 'python3';
const peer = new Peer(spawn(python, [script, String(runsPerRound)], { stdio: ['pipe', 'pipe', 'inherit'] }));
const { numpy, cv2 } = await peer.ask('version');
const folder = mkdtempSync(join(tmpdir(), 'foveate-bench-'));

console.log(`decode + NMS of [1, ${rows}, ${anchors}], one thread, median of ${rounds} alternating rounds of ${runsPerRound}`);
for (const objects of [20, 300]) {
  const { file } = await peer.ask(`make ${objects} ${join(folder, `${objects}.bin`)}`);
  const output = Tensor.allocate('float32', [rows, anchors]);
  const bytes = readFileSync(file);
  output.data.set(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4));
  const raw = [{ data: output.data, lease: output.leaseHandle }];

  let kept = 0;
  const ours = async () => {
    const times = [];
    for (let i = 0; i < runsPerRound; i++) {
      const started = performance.now();
      const found = await native().detectionsDecode(raw, spec, undefined, placement);
      times.push(performance.now() - started);
      kept = found.scores.length;
    }
    return median(times);
  };

  await ours();
  let theirs = await peer.ask(`run ${objects}`);
  const pairs = [];
  for (let round = 0; round < rounds; round++) {
    const mine = await ours();
    theirs = await peer.ask(`run ${objects}`);
    pairs.push({ mine, theirs: theirs.ms });
  }
  const milliseconds = (side) => median(pairs.map((pair) => pair[side])).toFixed(3);
  const ratio = median(pairs.map(({ mine, theirs }) => mine / theirs)).toFixed(2);
  console.log(
    `  ${objects} objects: foveate ${milliseconds('mine')} ms (${kept} kept), numpy ${numpy} + cv2 ${cv2} ${milliseconds('theirs')} ms (${theirs.kept} kept), ratio ${ratio}`,
  );
}
peer.end();
rmSync(folder, { recursive: true });
