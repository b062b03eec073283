/** foveate, as its README has it, with two threads in a run, or as many as `--threads` says; with `--reduced` JPEGs are decoded at a fraction, as sharp does on load. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { Classifier, createSession, Detector, DynamicBatcher, Tensor, version } from '../../dist/index.js';
import { calledBy, peakMb, serve, through } from './job.mjs';

const { values } = parseArgs({
  options: { threads: { type: 'string', default: '2' }, reduced: { type: 'boolean', default: false } },
});
let task;
let batcher;
let session;
let sessionBatcher;

/** One input for all requests, in memory of the program's own. */
function inputs(dims) {
  const length = dims.reduce((a, b) => a * b);
  data ??= Float32Array.from({ length }, (_, i) => (i % 255) / 255);
  return { [session.inputs[0].name]: new Tensor('float32', data, dims) };
}
let data;

await serve({
  open: async ({ kind, model }) => {
    const preprocess = values.reduced ? { jpegDecode: 'reduced' } : undefined;
    const options = { threads: Number(values.threads), preprocess };
    task = kind === 'detect' ? await Detector.load(model, options) : await Classifier.load(model, options);
    batcher = new DynamicBatcher(task);
    session = await createSession(model, { threads: Number(values.threads) });
    sessionBatcher = new DynamicBatcher(session);
    return { name: `foveate ${version}` };
  },
  run: async ({ kind, pictures, inFlight }) =>
    through(pictures, inFlight, async (path) =>
      kind === 'detect' ? (await task.detect(path)).length : Number((await task.classify(path)).length > 0),
    ),
  /** Bytes of JPEG files, from many callers, through a batcher with its defaults. */
  service: async ({ pictures, callers, requests }) => {
    const files = pictures.map((path) => readFileSync(path));
    const answer = await calledBy(callers, requests, async (i) => {
      const { results } = await batcher.run({ images: files[i % files.length] });
      return results.length;
    });
    return { ...answer, batches: batcher.statistics().sizes };
  },
  /** Tensors in a loop, and from many callers through a batcher with its defaults. */
  loop: ({ requests, inFlight, dims }) =>
    calledBy(inFlight, requests, async () => {
      const { outputs, dispose } = await session.run(inputs(dims));
      dispose();
      return Object.keys(outputs).length;
    }),
  batched: async ({ requests, callers, dims }) => {
    const answer = await calledBy(callers, requests, async () => {
      const { outputs, dispose } = await sessionBatcher.run(inputs(dims));
      dispose();
      return Object.keys(outputs).length;
    });
    return { ...answer, batches: sessionBatcher.statistics().sizes };
  },
  peak: () => ({ mb: peakMb() }),
});
