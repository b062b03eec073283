/** Finds objects, prints them, draws them. */
import { Detector } from 'foveate';

const here = new URL('.', import.meta.url);
const image = new URL('pictures/shapes-1280x720.jpg', here);

const detector = await Detector.load(new URL('models/shapes-detector.onnx', here));
const detections = await detector.detect(image, { scoreThreshold: 0.3 });
for (const { label, score, box } of detections) {
  console.log(label.padEnd(9), score.toFixed(2), box.map((value) => value.toFixed(0)).join(' '));
}
const picture = await detections.draw(image);
await picture.toFile(process.argv[2] ?? 'detections.jpg');
await detector.dispose();
