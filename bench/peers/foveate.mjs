/** foveate, as its README has it, with two threads; with `--reduced` JPEGs are decoded at a fraction, as sharp does on load. */
import { Classifier, Detector, version } from '../../dist/index.js';
import { peakMb, serve, through } from './job.mjs';

let task;

await serve({
  open: async ({ kind, model }) => {
    const options = { threads: 2, ...(process.argv.includes('--reduced') ? { preprocess: { jpegDecode: 'reduced' } } : {}) };
    task = kind === 'detect' ? await Detector.load(model, options) : await Classifier.load(model, options);
    return { name: `foveate ${version}${process.argv.includes('--reduced') ? ', reduced' : ''}` };
  },
  run: async ({ kind, pictures, inFlight }) =>
    through(pictures, inFlight, async (path) =>
      kind === 'detect' ? (await task.detect(path)).length : Number((await task.classify(path)).length > 0),
    ),
  peak: () => ({ mb: peakMb() }),
});
