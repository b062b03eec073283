/**
 * What a runtime finds in pictures, as lines of predictions: `parity-child.mjs MODEL PICTURE...`. The runtime is the one that the environment names, on the device
 * in FOVEATE_PARITY_DEVICE.
 */
import { basename } from 'node:path';

import { Classifier, Detector, loadTask } from '../../dist/index.js';

const [model, ...pictures] = process.argv.slice(2);
const task = await loadTask(model, { device: process.env.FOVEATE_PARITY_DEVICE });
for (const picture of pictures) {
  const result =
    task instanceof Classifier
      ? await task.classify(picture, { topK: 1 })
      : task instanceof Detector
        ? await task.detect(picture)
        : await task.segment(picture);
  const found =
    task instanceof Classifier
      ? { top: result.top.classId }
      : task instanceof Detector
        ? { boxes: [...result.boxes], classIds: [...result.classIds] }
        : { map: Buffer.from(result.mask).toString('base64'), width: result.width, height: result.height };
  console.log(JSON.stringify({ image: basename(picture), ...found }));
}
await task.dispose();
