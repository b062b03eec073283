/** Pictures decoded smaller: results are still about the whole picture. */
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Detector } from '../../lib/tasks/index.js';
import { example } from '../session/fixtures.js';
import { iou } from './labelled-pictures.js';

const model = example('models/shapes-detector.onnx');
let exact: Detector;
let reduced: Detector;

beforeAll(async () => {
  exact = await Detector.load(model);
  reduced = await Detector.load(model, { preprocess: { jpegDecode: 'reduced' } });
});
afterAll(() => Promise.all([exact.dispose(), reduced.dispose()]));

it.each([1, 6])(
  'a large photograph of EXIF orientation %i, decoded smaller, has its boxes where they are',
  async (orientation) => {
    // As a camera stores it: turned back by the angle that the orientation turns it upright again. Of sides that eight does not divide.
    const [width, height] = [500 * 5 + 3, 700 * 5 + 1];
    const large = await sharp(example('pictures/shapes-500x700.jpg')).resize(width, height, { fit: 'fill' }).png().toBuffer();
    const file = await sharp(large)
      .rotate(orientation === 6 ? 270 : 0)
      .jpeg({ quality: 90 })
      .withMetadata({ orientation })
      .toBuffer();
    const [expected, received] = [await exact.detect(file), await reduced.detect(file)];
    expect([received.width, received.height]).toEqual([width, height]);
    expect(expected.length).toBeGreaterThan(5);
    // The pixels differ a little, and so do the boxes of so small a model.
    for (const { label, box } of expected) {
      const overlaps = [...received].filter((other) => other.label === label).map((other) => iou(other.box, box));
      expect(Math.max(...overlaps), label).toBeGreaterThan(0.8);
    }
  },
);

it('a task remembers how its pictures are decoded', () => {
  expect(reduced.preprocess.options).toMatchObject({ ...exact.preprocess.options, jpegDecode: 'reduced' });
});
