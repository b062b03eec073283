/**
 * foveate's forms on the one split that the goals were set on: `node bench/int8/goal-split.mjs [--work build/int8] [--shared ../shared]`. Calibrated on every third
 * picture of ImageNet (32, for the classifier 48) and every second scene (16); evaluated on the other scenes and 50 others of ImageNet, 68 in all (the classifier:
 * on the other 111). What it finds is kept in the work folder, for `report.mjs`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { findingsOf, referenceOf } from './findings.mjs';
import { statisticsOf } from './metrics.mjs';
import { models } from './models.mjs';
import { ones } from './results.mjs';
import { tools } from './tools.mjs';

const { values } = parseArgs({
  options: {
    shared: { type: 'string', default: join(import.meta.dirname, '../../../shared') },
    work: { type: 'string', default: join(import.meta.dirname, '../../build/int8') },
  },
});
const [work, shared] = [resolve(values.work), resolve(values.shared)];
const folder = join(work, 'goal-split');
mkdirSync(folder, { recursive: true });

function listed(kind, isPicture) {
  const names = readdirSync(join(shared, 'images', kind))
    .filter(isPicture)
    .sort();
  return names.map((name) => `images/${kind}/${name}`);
}
const imagenet = listed('imagenet', () => true);
const scenes = listed('scenes', (name) => name.endsWith('.jpg'));
const every = (list, step, from) => list.filter((_, i) => i % step === from);

function splitOf({ pictures }) {
  if (pictures === 'classes') {
    return { calibration: every(imagenet, 3, 0).slice(0, 48), evaluation: imagenet.filter((_, i) => i % 3 !== 0) };
  }
  const calibration = [...every(imagenet, 3, 0).slice(0, 32), ...every(scenes, 2, 0).slice(0, 16)];
  const rest = scenes.filter((scene) => !calibration.includes(scene));
  return { calibration, evaluation: [...rest, ...every(imagenet, 3, 1).slice(0, 50)] };
}

const found = [];
for (const model of models) {
  const { calibration, evaluation } = splitOf(model);
  const out = join(folder, model.name);
  const list = join(folder, `${model.name}.txt`);
  writeFileSync(list, calibration.join('\n'));
  const source = join(shared, 'models', `${model.name}.onnx`);
  const script = join(import.meta.dirname, 'foveate.mjs');
  execFileSync(process.execPath, [script, '--model', source, '--shared', shared, '--pictures', list, '--out', out]);
  const reference = await referenceOf(work, shared, model);
  for (const { id, file, form } of tools.filter(({ by }) => by === 'foveate')) {
    const kept = join(folder, `${model.name}.${id}.json`);
    const told = await findingsOf(shared, model, join(out, file), form, evaluation, reference, kept);
    const statistics = statisticsOf(model, told.pictures, reference, told.found);
    const measures = statistics.map(({ name, compute }) => [name, compute(ones(told.pictures.length))]);
    found.push({ model: model.name, form: id, pictures: evaluation.length, measures });
    console.error(model.name, id, measures.map(([name, value]) => `${name} ${value.toFixed(3)}`).join(', '));
  }
}
writeFileSync(join(work, 'goal-split.json'), JSON.stringify(found));
