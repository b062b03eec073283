/** What is promised of files: external data is read from the folder of the model and from nowhere else, and a model that is written is the same, or nothing is there. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { externalDataOf, parseModel, readModel, writeModel } from '../../../dist/graph/index.js';
import { tensorsOf } from '../../../dist/graph/model-tensors.js';
import { OnnxTensor } from '../../../dist/graph/onnx-tensor.js';

/** What a data file in the folder of the model has, and one beside that folder. */
const inside = Buffer.alloc(128 * 1024, 'within');
const secret = 'never to be read';

let folder;

/** A folder with data in it, and links out of it; made once. */
function place() {
  if (folder !== undefined) return folder;
  const outside = mkdtempSync(join(tmpdir(), 'foveate-fuzz-'));
  process.once('exit', () => rmSync(outside, { recursive: true, force: true }));
  folder = join(outside, 'model');
  mkdirSync(join(folder, 'weights'), { recursive: true });
  writeFileSync(join(outside, 'secret'), secret.repeat(10_000));
  writeFileSync(join(folder, 'weights.bin'), inside);
  writeFileSync(join(folder, 'weights/w.bin'), inside);
  symlinkSync(join(outside, 'secret'), join(folder, 'link'));
  symlinkSync(outside, join(folder, 'up'));
  symlinkSync('loop', join(folder, 'loop'));
  return folder;
}

/**
 * Rejects where a promise is broken.
 *
 * @param {Uint8Array} bytes Of a model that can be read.
 * @param {(error: unknown, codes: RegExp) => unknown} promised Throws where the error is none of these codes.
 */
export async function checkFiles(bytes, promised) {
  const at = place();
  const before = readdirSync(at).join();
  const model = parseModel(bytes, { folder: at });
  const codes = /^MODEL_(INVALID|NOT_FOUND|UNSUPPORTED)$/;
  try {
    for (const data of externalDataOf(model.proto, at)) await data.file();
  } catch (error) {
    promised(error, codes);
  }
  for (const externalData of ['never', 'always']) {
    let written;
    try {
      written = await writeModel(model.proto, join(at, 'written.onnx'), { externalData, folder: at });
    } catch (error) {
      promised(error, codes);
      if (readdirSync(at).join() !== before)
        throw new Error('A model that could not be written has left files', { cause: error });
      continue;
    }
    try {
      const files = [written.path, ...(written.data === undefined ? [] : [written.data.path])];
      if (files.some((file) => readFileSync(file).includes(secret))) throw new Error('Data was read from outside of the folder');
      const again = await readModel(written.path);
      if ((await digestOf(again, at)) !== (await digestOf(model, at)))
        throw new Error('A model that was written has other elements');
    } finally {
      for (const file of [written.path, written.data?.path]) if (file !== undefined) rmSync(file);
    }
  }
}

/** Of all elements whose number of bytes is known. */
async function digestOf({ proto }, at) {
  const hash = createHash('sha1');
  for (const one of tensorsOf(proto)) {
    let tensor;
    try {
      tensor = new OnnxTensor(one, at);
    } catch {
      continue; // damaged in the model that was given, too
    }
    if (tensor.byteLength === undefined) continue;
    hash.update(`${tensor.name} ${tensor.dtype} [${tensor.dims.join()}]`);
    for await (const chunk of tensor.chunks()) hash.update(chunk);
  }
  return hash.digest('hex');
}
