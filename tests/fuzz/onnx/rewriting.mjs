/** What is promised of writing and of passes, whatever the reader has accepted. */
import { isDeepStrictEqual } from 'node:util';
import { bakePreprocess, encodeModel, freeBatch, parseModel } from '../../../dist/graph/index.js';

const preprocess = { scale: 1 / 255, mean: [0.5, 0, 0.25], std: [0.5, 1, 2] };

/**
 * Throws where a promise is broken.
 *
 * @param {import('../../../dist/graph/index.js').OnnxModel} model
 * @param {(work: () => unknown, codes: RegExp) => { value?: unknown }} expected Runs work that may end in an error of these codes.
 */
export function checkRewriting({ proto }, expected) {
  const written = encodeModel(proto);
  if (!isDeepStrictEqual(parseModel(written).proto, proto)) throw new Error('A model is another one when it is written and read');

  const pass = (work) => expected(work, /^MODEL_(INVALID|UNSUPPORTED)$/).value;
  const freed = pass(() => freeBatch(proto));
  if (freed !== undefined) {
    checkReadable(freed);
    if (freeBatch(freed) !== freed) throw new Error('A batch that was freed is not free');
  }
  for (const layout of ['nchw', 'nhwc']) {
    const baked = pass(() => bakePreprocess(proto, { ...preprocess, layout }));
    if (baked === undefined) continue;
    const pictures = checkReadable(baked).inputs.filter(({ kind, shape }) => kind === 'tensor' && shape?.length === 4);
    if (pictures.length !== 1 || pictures[0].dtype !== 'uint8')
      throw new Error('A model with preprocessing in it takes no bytes');
    const both = pass(() => freeBatch(baked));
    if (both !== undefined) checkReadable(both);
  }
  if (Buffer.compare(encodeModel(proto), written) !== 0) throw new Error('A pass has changed the model that it was given');
}

function checkReadable(proto) {
  const model = parseModel(encodeModel(proto));
  if (!isDeepStrictEqual(model.proto, proto)) throw new Error('What a pass makes is another model when it is written and read');
  return model;
}
