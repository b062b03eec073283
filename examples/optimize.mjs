/** Makes an INT8 model of a float one, tells what that gains and costs, and runs it. */
import { fileURLToPath } from 'node:url';

import { Detector, optimizeModel } from 'foveate';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

const report = await optimizeModel(path('models/shapes-detector.onnx'), {
  data: path('pictures'), // of these, so many are calibrated with; by the others it is measured what INT8 costs
  pictures: 8,
  force: true, // with so few, calibration would stop: give some hundred of your own, and leave these two out
  precision: 'int8',
  output: 'shapes-detector.bundle',
  threads: 1,
});
for (const { form, bytes, latency, agreement } of report.forms) {
  const [single] = latency; // of one thread; the form for TensorRT is not timed here
  const recall = agreement?.metrics.find(({ name }) => name === 'recall');
  const milliseconds = single && `${single.medianMs.toFixed(1)} ms`;
  console.log(form, `${Math.round(bytes / 1000)} kB`, milliseconds ?? '-', recall ? `recall ${recall.value.toFixed(2)}` : '');
}
const detector = await Detector.load('shapes-detector.bundle');
for (const { label, score } of await detector.detect(path('pictures/shapes-640x480.jpg'))) console.log(label, score.toFixed(2));
await detector.dispose();
