/** What is promised of writing and of passes, whatever the reader has accepted. */
import { isDeepStrictEqual } from 'node:util';
import { encodeModel, freeBatch, parseModel } from '../../../dist/graph/index.js';
import { passes } from './passes.mjs';

const refused = /^(MODEL_(INVALID|UNSUPPORTED)|TENSOR_NAME)$/;

/**
 * Throws where a promise is broken.
 *
 * @param {import('../../../dist/graph/index.js').OnnxModel} model
 * @param {(work: () => unknown, codes: RegExp) => { value?: unknown }} expected Runs work that may end in an error of these codes.
 */
export function checkRewriting({ proto }, expected) {
  const written = encodeModel(proto);
  if (!isDeepStrictEqual(parseModel(written).proto, proto)) throw new Error('A model is another one when it is written and read');
  for (const [name, apply] of passes) {
    const made = expected(() => apply(proto), refused).value;
    if (made === undefined) continue;
    checkReadable(made, name);
    const both = expected(() => freeBatch(made), refused).value;
    if (both === undefined) continue;
    checkReadable(both, `freeBatch after ${name}`);
    if (freeBatch(both) !== both) throw new Error('A batch that was freed is not free');
  }
  if (Buffer.compare(encodeModel(proto), written) !== 0) throw new Error('A pass has changed the model that it was given');
}

function checkReadable(proto, name) {
  const bytes = encodeModel(proto);
  if (Buffer.compare(encodeModel(parseModel(bytes).proto), bytes) !== 0)
    throw new Error(`What ${name} makes is another model when it is written and read`);
}
