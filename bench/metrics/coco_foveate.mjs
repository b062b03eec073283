/** One evaluation by foveate, in a process of its own: coco_foveate.mjs TRUTH RESULTS. Prints a line of JSON. */
import { readFileSync } from 'node:fs';
import { evaluateDetections, readCocoResults } from '../../dist/index.js';

const [truthPath, resultsPath] = process.argv.slice(2);

/** Wall time and processor time, of all threads, in seconds. */
function now() {
  const { user, system } = process.cpuUsage();
  return { wall: performance.now() / 1e3, processor: (user + system) / 1e6 };
}

const between = (start, end) => ({ wall: end.wall - start.wall, processor: end.processor - start.processor });

const start = now();
const { images, categories, annotations } = JSON.parse(readFileSync(truthPath, 'utf8'));
const imageIds = images.map(({ id }) => id);
const categoryIds = categories.map(({ id }) => id);
const imageOf = new Map(imageIds.map((id, place) => [id, place]));
const categoryOf = new Map(categoryIds.map((id, place) => [id, place]));
const truth = {
  images: Int32Array.from(annotations, ({ image_id: id }) => imageOf.get(id)),
  categories: Int32Array.from(annotations, ({ category_id: id }) => categoryOf.get(id)),
  boxes: Float64Array.from(annotations.flatMap(({ bbox }) => bbox)),
  areas: Float64Array.from(annotations, ({ area }) => area),
  crowd: Uint8Array.from(annotations, ({ iscrowd }) => iscrowd),
};
const found = await readCocoResults(resultsPath, { kind: 'box', imageIds, categoryIds });
const loaded = now();
const metrics = await evaluateDetections(truth, found, {
  kind: 'box',
  imageCount: imageIds.length,
  categoryCount: categoryIds.length,
});
const done = now();
const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
const stats = Object.values(metrics.summary).map((value) => (Number.isNaN(value) ? -1 : value));
console.log(JSON.stringify({ load: between(start, loaded), evaluate: between(loaded, done), peak, stats }));
