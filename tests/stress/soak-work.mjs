/** What the soak does: models of all kinds, good and bad pictures, and what each call has to come to. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { create, toBinary } from '@bufbuild/protobuf';
import { example, projectRoot } from './shipped-package.mjs';

/**
 * @typedef {object} SoakModel
 * @property {string} name
 * @property {'classify' | 'detect' | 'segment'} task Also the name of its method.
 * @property {string | Uint8Array} source
 * @property {object[]} options One of them is taken whenever it is opened.
 * @property {number} cost How much less often it is taken than a small one.
 */

const shared = join(projectRoot, '../shared/models');

/**
 * @param {string} schemaUrl The module that holds the schema of ONNX.
 * @returns {Promise<SoakModel[]>}
 */
export async function soakModels(schemaUrl) {
  const { ModelProtoSchema } = await import(schemaUrl);
  const batches = [{}, { batchSize: 3 }, { lanes: 2, threads: 1 }];
  const ownSize = { preprocess: { fit: 'none' } };
  const models = [
    { name: 'shapes-detector', task: 'detect', source: example('models/shapes-detector.onnx'), options: batches, cost: 1 },
    { name: 'shapes-classifier', task: 'classify', source: example('models/shapes-classifier.onnx'), options: batches, cost: 1 },
    {
      name: 'shapes-segmenter',
      task: 'segment',
      source: readFileSync(example('models/shapes-segmenter.onnx')),
      options: batches,
      cost: 1,
    },
    {
      name: 'any size, classes',
      task: 'classify',
      source: anySize(ModelProtoSchema, 'classes'),
      options: [ownSize, {}],
      cost: 1,
    },
    { name: 'any size, map', task: 'segment', source: anySize(ModelProtoSchema, 'map'), options: [ownSize], cost: 1 },
  ];
  for (const [file, task] of [
    ['yolov8n_fp32.onnx', 'detect'],
    ['yolox_nano_416.onnx', 'detect'],
    ['mobilenetv2_fp32.onnx', 'classify'],
    ['prisma_portrait_seg_256.onnx', 'segment'],
  ]) {
    if (existsSync(join(shared, file))) models.push({ name: file, task, source: join(shared, file), options: [{}], cost: 8 });
    else console.log(`SKIPPED: ${file} is not in ../shared/models`);
  }
  return models;
}

/** A model of pictures of any size: the mean of each colour as scores, or the colours themselves as a map. */
function anySize(schema, kind) {
  const value = (name, sizes) => ({
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: 1,
          shape: {
            dim: sizes.map((size) => ({
              value: typeof size === 'string' ? { case: 'dimParam', value: size } : { case: 'dimValue', value: BigInt(size) },
            })),
          },
        },
      },
    },
  });
  const isMap = kind === 'map';
  const nodes = isMap
    ? [{ opType: 'Identity', input: ['x'], output: ['y'] }]
    : [
        { opType: 'GlobalAveragePool', input: ['x'], output: ['mean'] },
        { opType: 'Flatten', input: ['mean'], output: ['y'] },
      ];
  const graph = {
    name: kind,
    node: nodes,
    input: [value('x', ['n', 3, 'h', 'w'])],
    output: [value('y', isMap ? ['n', 3, 'h', 'w'] : ['n', 3])],
  };
  return toBinary(schema, create(schema, { irVersion: 8n, opsetImport: [{ version: 17n }], graph }));
}

const files = ['shapes-640x480.jpg', 'shapes-500x700.jpg', 'shapes-480x360.png', 'segment-400x300.jpg', 'circle.jpg', 'star.jpg'];
const paths = files.map((name) => example(`pictures/${name}`));
const contents = paths.map((path) => readFileSync(path));

/** A frame of any size and format that is not too elongated to be cut, with gaps between its rows now and then. */
function frame(random) {
  const [width, height] = [2 + random.below(300), 2 + random.below(300)];
  const [format, channels] = random.oneOf([
    ['rgb', 3],
    ['bgr', 3],
    ['rgba', 4],
    ['grey', 1],
  ]);
  const stride = width * channels + random.oneOf([0, 0, 5, 64]);
  return { data: new Uint8Array(stride * height).fill(random.below(256)), width, height, format, stride };
}

/** A sound picture, each time a new one: streams can be read once. */
function goodPicture(random) {
  const at = random.below(paths.length);
  switch (random.below(6)) {
    case 0:
      return paths[at];
    case 1:
      return pathToFileURL(paths[at]);
    case 2:
      return contents[at];
    case 3:
      return Readable.from([contents[at].subarray(0, 3000), contents[at].subarray(3000)]);
    case 4:
      return new Uint8Array(contents[at]).buffer;
    default:
      return frame(random);
  }
}

/** Pictures that cannot be read, and the code of the error. */
const badPictures = [
  ['MEDIA_INVALID', () => contents[0].subarray(0, 5000)],
  ['MEDIA_INVALID', () => contents[2].subarray(0, contents[2].length >> 1)],
  ['MEDIA_INVALID', () => Readable.from([contents[1].subarray(0, 2000)])],
  ['MEDIA_INVALID', () => new Uint8Array(0)],
  ['MEDIA_UNSUPPORTED', () => Buffer.from('a text, and no picture')],
  ['MEDIA_NOT_FOUND', () => 'missing.jpg'],
  ['INVALID_ARGUMENT', () => ({ data: new Uint8Array(10), width: 4, height: 4, format: 'rgb' })],
];

/** Pictures of a call: `codes` are those of the errors that it must end with, none where it must succeed. */
export function somePictures(random) {
  const pictures = Array.from({ length: 1 + random.below(4) }, () => goodPicture(random));
  const codes = new Set();
  if (random.below(5) === 0) {
    const [code, make] = random.oneOf(badPictures);
    pictures.splice(random.below(pictures.length + 1), 0, make());
    codes.add(code);
  }
  return { pictures: pictures.length === 1 && random.below(2) === 0 ? pictures[0] : pictures, codes };
}

/** One picture that can be read, not too small to be looked at. */
export function somePath(random) {
  return random.oneOf(paths);
}

/** Bytes that are no model, each in another way. */
export function brokenModel(random) {
  const model = readFileSync(example('models/shapes-classifier.onnx'));
  return random.oneOf([model.subarray(0, 20_000), Buffer.from('no model'), new Uint8Array(0), model.subarray(100)]);
}
