/** The models that a first run begins with: the small ones of the repository, and two with what they lack. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';

const tests = join(import.meta.dirname, '../..');

/** @returns {Uint8Array[]} */
export function seeds(schema) {
  const folders = ['graph/fixtures', 'native/fixtures'].map((name) => join(tests, name));
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  return [
    ...files.filter((name) => name.endsWith('.onnx')).map((name) => readFileSync(name)),
    network(schema),
    fixedBatch(schema),
    elsewhere(schema),
    circle(schema),
  ];
}

const tensor = (name, elemType, sizes) => ({
  name,
  type: {
    value: {
      case: 'tensorType',
      value: {
        elemType,
        shape: {
          dim: sizes.map((size) => ({
            value: typeof size === 'string' ? { case: 'dimParam', value: size } : { case: 'dimValue', value: BigInt(size) },
          })),
        },
      },
    },
  },
});
const ints = (name, values) => ({ name, type: 7, ints: values.map(BigInt) });
const int = (name, value) => ({ name, type: 2, i: BigInt(value) });
const zeros = (name, dims) => ({
  name,
  dataType: 1,
  dims: dims.map(BigInt),
  rawData: new Uint8Array(4 * dims.reduce((product, dim) => product * dim, 1)),
});
const list = (name, values) => ({ name, dataType: 7, dims: [BigInt(values.length)], int64Data: values.map(BigInt) });

/** A classifier whose shapes take every rule, and what exporters write besides. */
function network(schema) {
  const node = (opType, input, output, attribute = []) => ({ opType, input, output, attribute });
  const branch = {
    name: 'branch',
    node: [node('MatMul', ['flat', 'w'], ['scores'])],
    output: [tensor('scores', 1, ['batch', 2])],
  };
  const model = {
    irVersion: 8n,
    producerName: 'seeds',
    opsetImport: [{ version: 17n }, { domain: 'com.microsoft', version: 1n }],
    metadataProps: [
      { key: 'task', value: 'classify' },
      { key: 'names', value: "{0: 'cat', 1: 'dog'}" },
      { key: 'imgsz', value: '[8, 8]' },
    ],
    graph: {
      name: 'network',
      input: [tensor('x', 1, ['batch', 3, 8, 8])],
      output: [tensor('y', 1, ['batch', 2])],
      valueInfo: [tensor('a', 1, ['batch', 4, 8, 8])],
      initializer: [
        zeros('k', [4, 3, 3, 3]),
        zeros('t', [4, 4, 2, 2]),
        zeros('w', [4, 2]),
        list('zero', [0]),
        list('rest', [-1]),
      ],
      node: [
        node(
          'Conv',
          ['x', 'k'],
          ['a'],
          [ints('pads', [1, 1, 1, 1]), ints('strides', [1, 1]), ints('dilations', [1, 1]), int('group', 1)],
        ),
        node('ConvTranspose', ['a', 't'], ['b'], [ints('strides', [2, 2]), ints('output_padding', [0, 0])]),
        node('MaxPool', ['b'], ['c'], [ints('kernel_shape', [2, 2]), ints('strides', [2, 2]), int('ceil_mode', 1)]),
        node('GlobalAveragePool', ['c'], ['pooled']),
        node('Shape', ['pooled'], ['shape']),
        node('Gather', ['shape', 'zero'], ['batch']),
        node('Concat', ['batch', 'rest'], ['target'], [int('axis', 0)]),
        node('Reshape', ['pooled', 'target'], ['flat']),
        node('Transpose', ['flat'], ['turned'], [ints('perm', [1, 0])]),
        node('Gemm', ['flat', 'w'], ['scores'], [int('transB', 0)]),
        node('If', ['condition'], ['chosen'], [{ name: 'then_branch', type: 5, g: branch }]),
        node('Add', ['scores', 'chosen'], ['sum']),
        node('Softmax', ['sum'], ['soft']),
        node('Identity', ['soft'], ['y']),
      ],
    },
  };
  return toBinary(schema, create(schema, model));
}

/** A model for one picture, whose batch can be freed. */
function fixedBatch(schema) {
  const node = (opType, input, output, attribute = []) => ({ opType, input, output, attribute });
  const model = {
    irVersion: 8n,
    opsetImport: [{ version: 17n }],
    graph: {
      name: 'fixed',
      input: [tensor('x', 1, [1, 3, 4, 4])],
      output: [tensor('y', 1, [1, 5])],
      initializer: [
        zeros('token', [1, 1, 3]),
        zeros('w', [3, 5]),
        list('sizes', [1, 3, 2, 2]),
        list('tokens', [1, 3, 4]),
        list('repeats', [1, 1, 1]),
        list('zero', [0]),
        list('one', [1]),
        list('rows', [1, 12]),
        list('heads', [3, 4]),
      ],
      node: [
        node('Resize', ['x', '', '', 'sizes'], ['small']),
        node('Reshape', ['small', 'tokens'], ['flat']),
        node('Transpose', ['flat'], ['turned'], [ints('perm', [0, 2, 1])]),
        node('Tile', ['token', 'repeats'], ['same']),
        node('Concat', ['same', 'turned'], ['all'], [int('axis', 1)]),
        node('Slice', ['all', 'zero', 'one', 'one'], ['first']),
        node('Squeeze', ['first', 'one'], ['features']),
        node('MatMul', ['features', 'w'], ['scores']),
        node('Reshape', ['flat', 'heads'], ['folded']),
        node('Unsqueeze', ['folded', 'zero'], ['apart']),
        node('ReduceMean', ['apart'], ['mean'], [ints('axes', [1, 2]), int('keepdims', 0)]),
        node('Unsqueeze', ['mean', 'one'], ['column']),
        node('Add', ['scores', 'column'], ['y']),
      ],
    },
  };
  return toBinary(schema, create(schema, model));
}

/** Tensors in other files, of whose parts some overlap. */
function elsewhere(schema) {
  const place = (location, offset, length) =>
    Object.entries({ location, offset, length }).map(([key, value]) => ({ key, value: String(value) }));
  const external = (name, entries, dims = [16384n]) => ({ name, dataType: 1, dims, dataLocation: 1, externalData: entries });
  const constant = external('c', place('weights.bin', 16, 8), [2n]);
  const model = {
    irVersion: 8n,
    opsetImport: [{ version: 17n }],
    graph: {
      name: 'elsewhere',
      input: [tensor('x', 1, [1, 16384])],
      output: [tensor('y', 1, [1, 16384])],
      initializer: [
        external('a', place('weights/w.bin', 0, 65536)),
        external('b', place('weights/w.bin', 32768, 65536)),
        external('d', place('weights.bin', 65536, 65536)),
      ],
      node: [
        { opType: 'Add', input: ['x', 'a'], output: ['s'] },
        { opType: 'Mul', input: ['s', 'b'], output: ['t'] },
        { opType: 'Constant', output: ['c'], attribute: [{ name: 'value', type: 4, t: constant }] },
        { opType: 'Add', input: ['t', 'd'], output: ['y'] },
      ],
    },
  };
  return toBinary(schema, create(schema, model));
}

/** Nodes that read from each other. */
function circle(schema) {
  const model = {
    irVersion: 8n,
    opsetImport: [{ version: 17n }],
    graph: {
      name: 'circle',
      input: [tensor('x', 1, [1, 3])],
      output: [tensor('y', 1, [1, 3])],
      node: [
        { opType: 'Add', input: ['x', 'y'], output: ['a'] },
        { opType: 'Relu', input: ['a'], output: ['y'] },
      ],
    },
  };
  return toBinary(schema, create(schema, model));
}
