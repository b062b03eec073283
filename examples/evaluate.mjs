/** Measures a detector on labelled pictures, and says whether it is good enough. */
import { fileURLToPath } from 'node:url';

import { Detector, evaluate, judge, openDataset, readGate } from 'foveate';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

const dataset = await openDataset(path('pictures/detect.json'));
const detector = await Detector.load(path('models/shapes-detector.onnx'));
const results = await evaluate(detector, dataset, { model: path('models/shapes-detector.onnx') });
await detector.dispose();

const [low, high] = results.intervals.AP;
console.log(`AP ${results.metrics.AP.toFixed(3)}, ${low.toFixed(3)} to ${high.toFixed(3)}`);
for (const { name, metrics } of results.classes) console.log(name.padEnd(9), metrics.AP.toFixed(3));
for (const { passed, message } of judge(await readGate(path('gate.yaml')), results, undefined)) {
  console.log(passed ? 'pass' : 'FAIL', message);
}
