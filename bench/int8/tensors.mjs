/** Inputs of the model, made once by foveate's own Preprocess, so that every tool calibrates on the same numbers. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { picturesOf } from './splits.mjs';

/**
 * Where the inputs of all pictures of a model lie: `file` holds float32, one picture after the other; `index` is JSON with `input`, `shape` of one
 * picture with a batch axis of 1, and `pictures`, their names.
 */
export async function tensorsOf(work, shared, model) {
  const folder = join(work, 'tensors');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${model.name}.f32`);
  const index = join(folder, `${model.name}.json`);
  const pictures = picturesOf(shared, model);
  if (existsSync(index) && `${JSON.parse(readFileSync(index, 'utf8')).pictures}` === `${pictures}`) return { file, index };
  const task = await model.task.load(join(shared, 'models', `${model.name}.onnx`), model.options);
  const output = openSync(`${file}.part`, 'w');
  let shape;
  for (const picture of pictures) {
    const { tensor } = await task.preprocess.run(join(shared, picture));
    shape = [1, ...tensor.dims];
    writeSync(output, tensor.data);
    tensor.dispose();
  }
  closeSync(output);
  renameSync(`${file}.part`, file);
  const input = task.session.inputs[0].name;
  writeFileSync(index, JSON.stringify({ input, shape, preprocess: task.preprocess, pictures }));
  await task.dispose();
  return { file, index };
}
