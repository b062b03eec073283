/** Tells the class of every pixel and how much of the picture each class covers. */
import { Segmenter } from 'foveate';

const here = new URL('.', import.meta.url);

const segmenter = await Segmenter.load(new URL('models/shapes-segmenter.onnx', here));
const segmentation = await segmenter.segment(new URL('pictures/segment-400x300.jpg', here));
for (const { label, fraction } of segmentation.regions) console.log(label.padEnd(11), `${(fraction * 100).toFixed(1)}%`);
await segmentation.toFile(process.argv[2] ?? 'mask.png', 'color');
await segmenter.dispose();
