/** Ranks the classes of several pictures at once. */
import { Classifier } from 'foveate';

const here = new URL('.', import.meta.url);
const images = ['circle', 'star', 'ring'].map((name) => new URL(`pictures/${name}.jpg`, here));

const classifier = await Classifier.load(new URL('models/shapes-classifier.onnx', here));
for (const classification of await classifier.classify(images, { topK: 2 })) {
  console.log([...classification].map(({ label, score }) => `${label} ${(score * 100).toFixed(1)}%`).join(', '));
}
await classifier.dispose();
