/** Writes what a teacher sees and says, as .npy files, for a training loop that is to distil it into a smaller model. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';

import { Classifier, createSession } from 'foveate';

const here = new URL('.', import.meta.url);
const model = new URL('models/shapes-classifier.onnx', here);
const pictures = ['circle', 'ring', 'star'].map((name) => new URL(`pictures/${name}.jpg`, here));

/** The header of a file of float32, row after row: format 1.0 of NumPy, 128 bytes. */
function npyHeader(dims) {
  const told = `{'descr': '<f4', 'fortran_order': False, 'shape': (${dims.join(', ')},), }`;
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), Buffer.from([118, 0]), Buffer.from(`${told.padEnd(117)}\n`)]);
}

mkdirSync('teacher', { recursive: true });
const append = (name, tensor, isFirst) => {
  const file = `teacher/${name}.npy`;
  if (isFirst) writeFileSync(file, npyHeader([pictures.length, ...tensor.dims.slice(1)]));
  appendFileSync(file, new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
};

// The task knows how its pictures are prepared; the session has the outputs as they are, before any threshold.
const classifier = await Classifier.load(model);
const session = await createSession(model);
for (const [i, picture] of pictures.entries()) {
  const { tensor } = await classifier.preprocess.run(picture);
  const input = tensor.reshape([1, ...tensor.dims]);
  const result = await session.run({ [session.inputs[0].name]: input });
  append('input', input, i === 0);
  for (const [name, output] of Object.entries(result.outputs)) append(name, output, i === 0);
  result.dispose();
  tensor.dispose();
}
console.log(`${pictures.length} pictures: input, ${session.outputs.map(({ name }) => name).join(', ')}`);
await session.dispose();
await classifier.dispose();
