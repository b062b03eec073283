/** foveate, as its README has it, with two threads in a run, or as many as `--threads` says; with `--reduced` JPEGs are decoded at a fraction, as sharp does on load. */
import { parseArgs } from 'node:util';

import { Classifier, Detector, version } from '../../dist/index.js';
import { peakMb, serve, through } from './job.mjs';

const { values } = parseArgs({
  options: { threads: { type: 'string', default: '2' }, reduced: { type: 'boolean', default: false } },
});
let task;

await serve({
  open: async ({ kind, model }) => {
    const preprocess = values.reduced ? { jpegDecode: 'reduced' } : undefined;
    const options = { threads: Number(values.threads), preprocess };
    task = kind === 'detect' ? await Detector.load(model, options) : await Classifier.load(model, options);
    return { name: `foveate ${version}` };
  },
  run: async ({ kind, pictures, inFlight }) =>
    through(pictures, inFlight, async (path) =>
      kind === 'detect' ? (await task.detect(path)).length : Number((await task.classify(path)).length > 0),
    ),
  peak: () => ({ mb: peakMb() }),
});
