/**
 * How a file compares with the float model, on the pictures of a split that it was not calibrated on, or on all:
 * `node bench/int8/evaluate.mjs FILE --model NAME [--form onnxruntime|tensorrt] [--split 0.0] [--work build/int8] [--shared ../shared]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { findingsOf, referenceOf } from './findings.mjs';
import { statisticsOf } from './metrics.mjs';
import { modelsNamed } from './models.mjs';
import { listsOf, picturesOf } from './splits.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string' },
    form: { type: 'string', default: 'onnxruntime' },
    split: { type: 'string' },
    shared: { type: 'string', default: join(import.meta.dirname, '../../../shared') },
    work: { type: 'string', default: join(import.meta.dirname, '../../build/int8') },
  },
});
const [work, shared] = [resolve(values.work), resolve(values.shared)];
const [model] = modelsNamed(values.model);
const reference = await referenceOf(work, shared, model);
const pictures =
  values.split === undefined
    ? picturesOf(shared, model)
    : listsOf(work, shared, model, ...values.split.split('.').map(Number)).evaluation;
const folder = mkdtempSync(join(tmpdir(), 'foveate-int8-'));
try {
  const told = await findingsOf(shared, model, positionals[0], values.form, pictures, reference, join(folder, 'findings.json'));
  if (told.error !== undefined) throw new Error(told.error);
  const weights = new Float64Array(pictures.length).fill(1);
  for (const { name, compute } of statisticsOf(model, pictures, reference, told.found)) {
    console.log(`${name}: ${compute(weights).toFixed(4)}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
