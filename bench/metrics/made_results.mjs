/** Truth and results as a detector of COCO's 80 categories would have them, the same every time. */
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';

/** A linear congruential generator: 0 to 1. */
function generator(seed) {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

const categoryCount = 80;
const picture = { width: 640, height: 480 };

/**
 * Writes two JSON files. Categories are as unequal as COCO's, a picture has a few of them; of the objects most are found, well or badly and more than
 * once; the other detections are wrong, with low scores, as a detector gives them down to a threshold of 0.001.
 */
export async function writeMadeResults({ images, truths, found }, truthPath, resultsPath) {
  const random = generator(7);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const anyCategory = () => 1 + Math.floor(categoryCount * random() ** 3);
  const makeBox = () => {
    const width = Math.min(picture.width, Math.exp(4 + normal()));
    const height = Math.min(picture.height, Math.exp(4 + normal()));
    return [random() * (picture.width - width), random() * (picture.height - height), width, height];
  };

  const annotations = [];
  const ofImage = Array.from({ length: images }, () => []);
  for (let i = 0; i < truths; i++) {
    const image = i < images ? i : Math.floor(random() * images);
    const others = ofImage[image];
    const category =
      others.length > 0 && random() < 0.6 ? others[Math.floor(random() * others.length)].category_id : anyCategory();
    const bbox = makeBox().map((value) => Math.round(value * 100) / 100);
    const area = bbox[2] * bbox[3] * (0.4 + 0.5 * random());
    const annotation = { id: i + 1, image_id: image + 1, category_id: category, bbox, area, iscrowd: random() < 0.01 ? 1 : 0 };
    others.push(annotation);
    annotations.push(annotation);
  }
  await writeText(truthPath, [
    JSON.stringify({
      images: ofImage.map((_, i) => ({ id: i + 1, ...picture })),
      categories: Array.from({ length: categoryCount }, (_, i) => ({ id: i + 1, name: `category ${i + 1}` })),
      annotations,
    }),
  ]);

  const results = function* () {
    for (let i = 0; i < found; i++) {
      const image = i % images;
      const others = ofImage[image];
      const truth = others.length > 0 && random() < 0.35 ? others[Math.floor(random() * others.length)] : undefined;
      const spread = 0.02 + 0.3 * random() ** 2;
      const [x, y, width, height] = truth?.bbox ?? makeBox();
      const bbox = truth
        ? [
            x + normal() * spread * width,
            y + normal() * spread * height,
            width * Math.exp(normal() * spread),
            height * Math.exp(normal() * spread),
          ]
        : [x, y, width, height];
      const quality = truth ? Math.max(0, 1 - 3 * spread) : 0;
      const score = Math.min(1, Math.max(0.001, 0.02 + quality * (0.4 + 0.5 * random()) + random() ** 4 * 0.4));
      const category = truth && random() < 0.9 ? truth.category_id : anyCategory();
      // Single precision, as a model gives them, in all its digits, as Python writes them.
      const single = { image_id: image + 1, category_id: category, bbox: bbox.map(Math.fround), score: Math.fround(score) };
      yield `${i === 0 ? '[' : ','}${JSON.stringify(single)}`;
    }
    yield ']';
  };
  await writeText(resultsPath, results());
}

async function writeText(path, parts) {
  const file = createWriteStream(path);
  for (const part of parts) if (!file.write(part)) await once(file, 'drain');
  file.end();
  await once(file, 'finish');
}
