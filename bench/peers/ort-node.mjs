/**
 * onnxruntime-node with sharp and JavaScript, written as well as we can: shrinking on load, one pass to planar floats into a buffer that is used
 * again, typed arrays all the way. `--threads`: in a run.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

import { calledBy, limited, peakMb, serve, through } from './job.mjs';

const { values } = parseArgs({ options: { threads: { type: 'string', default: '2' } } });
const require = createRequire(import.meta.url);
const ort = require('onnxruntime-node');
const sharp = require('sharp');
sharp.cache(false);

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
let session;
const idleInputs = [];

async function prepare(given, kind) {
  const size = kind === 'detect' ? 640 : 224;
  const picture = sharp(given);
  const resized =
    kind === 'detect'
      ? picture.resize(size, size, { fit: 'contain', background: { r: 114, g: 114, b: 114 }, kernel: 'linear' })
      : picture.resize(256, 256, { fit: 'outside', kernel: 'linear' });
  const { data, info } = await resized.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const input = idleInputs.pop() ?? new Float32Array(3 * size * size);
  const [left, top] = [(info.width - size) >> 1, (info.height - size) >> 1];
  const plane = size * size;
  const scale = [0, 1, 2].map((c) => (kind === 'detect' ? 1 / 255 : 1 / 255 / imagenet.std[c]));
  const shift = [0, 1, 2].map((c) => (kind === 'detect' ? 0 : imagenet.mean[c] / imagenet.std[c]));
  for (let y = 0, i = 0; y < size; y++) {
    for (let j = ((y + top) * info.width + left) * 3, x = 0; x < size; x++, i++, j += 3) {
      input[i] = data[j] * scale[0] - shift[0];
      input[i + plane] = data[j + 1] * scale[1] - shift[1];
      input[i + 2 * plane] = data[j + 2] * scale[2] - shift[2];
    }
  }
  return { input, size };
}

/** YOLOv8's [84, A]: best class, threshold, suppression within each class. */
function detections(output, anchors) {
  const best = new Float32Array(anchors);
  const classes = new Uint8Array(anchors);
  for (let c = 4; c < 84; c++) {
    const row = c * anchors;
    for (let i = 0; i < anchors; i++) {
      const score = output[row + i];
      if (score > best[i]) {
        best[i] = score;
        classes[i] = c - 4;
      }
    }
  }
  const order = [];
  for (let i = 0; i < anchors; i++) if (best[i] > 0.25) order.push(i);
  order.sort((a, b) => best[b] - best[a]);
  const boxes = order.map((i) => {
    const [w, h] = [output[2 * anchors + i] / 2, output[3 * anchors + i] / 2];
    return [output[i] - w, output[anchors + i] - h, output[i] + w, output[anchors + i] + h];
  });
  const dead = new Uint8Array(order.length);
  let kept = 0;
  for (let k = 0; k < order.length; k++) {
    if (dead[k]) continue;
    kept++;
    const [a, b, c, d] = boxes[k];
    for (let m = k + 1; m < order.length; m++) {
      if (dead[m] || classes[order[m]] !== classes[order[k]]) continue;
      const other = boxes[m];
      const w = Math.min(c, other[2]) - Math.max(a, other[0]);
      const h = Math.min(d, other[3]) - Math.max(b, other[1]);
      if (w <= 0 || h <= 0) continue;
      const both = w * h;
      if (both / ((c - a) * (d - b) + (other[2] - other[0]) * (other[3] - other[1]) - both) > 0.45) dead[m] = 1;
    }
  }
  return kept;
}

function topFive(logits) {
  let sum = 0;
  const highest = logits.reduce((a, b) => Math.max(a, b));
  const powers = logits.map((logit) => Math.exp(logit - highest));
  for (const power of powers) sum += power;
  const order = [...powers.keys()].sort((a, b) => powers[b] - powers[a]).slice(0, 5);
  return order.map((id) => [id, powers[id] / sum]);
}

async function one(path, kind) {
  const { input, size } = await prepare(path, kind);
  const feed = { [session.inputNames[0]]: new ort.Tensor('float32', input, [1, 3, size, size]) };
  const output = (await session.run(feed))[session.outputNames[0]];
  idleInputs.push(input);
  return kind === 'detect' ? detections(output.data, output.dims[2]) : Number(topFive(output.data).length > 0);
}

await serve({
  open: async ({ model }) => {
    session = await ort.InferenceSession.create(model, { intraOpNumThreads: Number(values.threads), logSeverityLevel: 3 });
    return { name: `onnxruntime-node ${require('onnxruntime-node/package.json').version} + sharp ${sharp.versions.sharp}` };
  },
  run: ({ kind, pictures, inFlight }) => through(pictures, inFlight, (path) => one(path, kind)),
  /** Bytes of JPEG files, from many callers: a queue before the library. */
  service: ({ kind, pictures, callers, requests, inFlight }) => {
    const files = pictures.map((path) => readFileSync(path));
    return calledBy(
      callers,
      requests,
      limited(inFlight, (i) => one(files[i % files.length], kind)),
    );
  },
  /** Tensors in a loop. */
  loop: ({ requests, inFlight, dims }) => {
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => (i % 255) / 255);
    const feed = { [session.inputNames[0]]: new ort.Tensor('float32', data, dims) };
    return calledBy(inFlight, requests, async () => (await session.run(feed))[session.outputNames[0]].dims[0]);
  },
  peak: () => ({ mb: peakMb() }),
});
