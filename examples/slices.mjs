/** Looks at a picture in overlapping slices, and finds small objects that a glance at the whole does not show. */
import { Detector } from 'foveate';

const here = new URL('.', import.meta.url);
const image = new URL('pictures/shapes-1280x720.jpg', here);

const detector = await Detector.load(new URL('models/shapes-detector.onnx', here));
const glance = await detector.detect(image);
const detections = await detector.detect(image, { slices: { width: 480, height: 480 } });
console.log(`${glance.length} at a glance, ${detections.length} in slices`);
const picture = await detections.draw(image);
await picture.toFile(process.argv[2] ?? 'slices.jpg');
await detector.dispose();
