/** Engines of a model in each precision, kept in foveate's cache: a run that was cut short begins where it was. */
import { existsSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';

import { buildEngine, createSession, optimizeModel } from '../../dist/index.js';

/** A form of a model is made from pictures of the kind that it was trained on. */
const calibrated = 16;

/**
 * @param {string} model Path of an ONNX file.
 * @param {'fp32' | 'fp16' | 'int8'} precision
 * @param {object} options
 * @param {string} options.pictures A folder of pictures, to calibrate with.
 * @param {readonly number[]} options.batches A profile for each.
 * @param {string} options.work A folder for forms of models.
 * @param {string} options.device 'tensorrt' or 'tensorrt-rtx'.
 * @returns {Promise<import('../../dist/index.js').EngineBundle>} Its input is the model's own.
 */
export async function engineOf(model, precision, { pictures, batches, work, device }) {
  const output = join(work, `${basename(model, '.onnx')}.${precision}`);
  if (precision !== 'fp32' && !existsSync(output)) {
    mkdirSync(work, { recursive: true });
    await optimizeModel(model, { data: pictures, precision, pictures: calibrated, output, device, force: true });
  }
  const source = precision === 'fp32' ? model : output;
  const session = await createSession(source, { device: 'cpu' });
  const { inputs } = session;
  await session.dispose();
  const profiles = batches.map((batch) =>
    Object.fromEntries(inputs.map(({ name, shape }) => [name, [batch, ...shape.slice(1)]])),
  );
  const { bundle } = await buildEngine(source, { device, bake: false, profiles, freeBatch: true });
  return bundle;
}
