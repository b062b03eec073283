/** Shapes that are inferred, against those of the onnx package and onnxruntime: tests/reference/shapes.py. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';

import { countMacs, parseModel, type OnnxModel } from '../../lib/graph/index.js';
import { ModelProtoSchema } from '../../lib/graph/onnx_pb.js';
import { sizesOfValues } from '../../lib/graph/value-sizes.js';
import { DataType, integers, madeModel, node } from '../tasks/made-models.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const fixtures = join(root, 'tests/reference/fixtures/shapes');
const folders: Readonly<Record<string, string>> = {
  shared: join(root, '../shared/models'),
  examples: join(root, 'examples/models'),
};

const fixture = (name: string): unknown => JSON.parse(readFileSync(join(fixtures, name), 'utf8'));

/** A model that tells the shapes of its inputs and constants, and no others. */
function bare(path: string): OnnxModel {
  const proto = fromBinary(ModelProtoSchema, readFileSync(path));
  const { graph } = proto;
  if (graph === undefined) throw new Error('a model has a graph');
  graph.valueInfo = [];
  for (const { type } of graph.output) {
    if (type?.value.case === 'tensorType') delete type.value.value.shape;
  }
  return parseModel(toBinary(ModelProtoSchema, proto));
}

describe('operators', () => {
  const { graph } = bare(join(fixtures, 'operators.onnx'));
  const { sizes } = sizesOfValues(graph);
  const producers = new Map(graph.nodes.flatMap((made) => made.outputs.map((name) => [name, made] as const)));
  const shapes = Object.entries(fixture('operators.json') as Record<string, number[]>).map(
    ([name, shape]) => [producers.get(name)?.opType, name, shape] as const,
  );

  it.each(shapes)('%s gives %s the shape %j, as where it is run', (_, name, shape) => {
    expect(sizes.get(name)).toEqual(shape);
  });

  it('are as many as are kept', () => {
    expect(shapes.length).toBeGreaterThan(90);
  });

  it.each([
    ['Slice', ['x', 'free', 'free'], [null, null]],
    ['Split', ['x', 'free'], [null, 6]],
    ['Pad', ['x', 'free'], [null, null]],
    ['Resize', ['x', '', '', 'free'], [null, null]],
    ['Tile', ['x', 'free'], [null, null]],
    ['Expand', ['x', 'free'], null],
    ['Squeeze', ['x', 'free'], null],
    ['Unsqueeze', ['x', 'free'], null],
    ['ReduceSum', ['x', 'free'], null],
    ['Gather', ['x', 'none'], null],
    ['TopK', ['x', 'free'], [4, null]],
  ] as const)('%s of %j tells no size that is known only at run time', (opType, inputs, expected) => {
    const free = node('Cast', 'x', 'free', { to: 7 });
    const model = parseModel(madeModel({ input: [4, 6], output: ['n'], nodes: [free, node(opType, [...inputs], 'z')] }));
    expect(sizesOfValues(model.graph).sizes.get('z')).toEqual(expected);
  });

  it('computes no size out of nothing: division by zero, an index beyond the shape', () => {
    const nodes = [
      node('Shape', 'x', 's'),
      node('Div', ['s', 'zero'], 'd'),
      node('Reshape', ['x', 'd'], 'z'),
      node('Gather', ['s', 'nine'], 'g'),
      node('Reshape', ['x', 'g'], 'r'),
    ];
    const initializers = [integers('zero', [0]), integers('nine', [9])];
    const { sizes: found } = sizesOfValues(parseModel(madeModel({ input: [4, 6], output: ['n'], nodes, initializers })).graph);
    expect(found.get('z')).toEqual([null, null]);
    expect(found.get('r')).toEqual([null]);
  });

  it('with attributes and constants that cannot be break nothing, and give no size that cannot be', () => {
    const bytes = readFileSync(join(fixtures, 'operators.onnx'));
    for (const wrong of [-100n, -1n, 0n, 7n, 100n, 2n ** 62n]) {
      const proto = fromBinary(ModelProtoSchema, bytes);
      for (const { attribute } of proto.graph?.node ?? []) {
        for (const own of attribute) {
          own.i = wrong;
          own.ints.fill(wrong);
        }
      }
      for (const tensor of proto.graph?.initializer ?? []) {
        if (tensor.dataType !== DataType.INT64) continue;
        tensor.rawData = new Uint8Array(new BigInt64Array(tensor.rawData.length / 8).fill(wrong).buffer);
      }
      const found = sizesOfValues(parseModel(toBinary(ModelProtoSchema, proto)).graph).sizes;
      expect(found.size).toBeGreaterThan(90);
      for (const shape of found.values()) {
        for (const size of shape ?? []) expect(size === null || (Number.isSafeInteger(size) && size >= 0)).toBe(true);
      }
    }
  });
});

interface Described {
  readonly macs: number | null;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

for (const [group, models] of Object.entries(fixture('models.json') as Record<string, Record<string, Described>>)) {
  describe.each(Object.entries(models))(`${group}/%s as onnx.shape_inference sees it`, (name, { macs, shapes }) => {
    const path = join(folders[group] as string, name);
    const missing = !existsSync(path);
    if (missing) console.warn(`SKIPPED: ${path} is missing`);

    it.skipIf(missing)('has the same shapes, wherever that tells one, and the same multiply-accumulates', () => {
      const model = bare(path);
      const { sizes } = sizesOfValues(model.graph);
      const found = Object.fromEntries(Object.keys(shapes).map((value) => [value, sizes.get(value)]));
      expect(found).toEqual(shapes);
      const counted = countMacs(model);
      expect(counted.knownNodes).toBe(counted.nodes);
      if (macs !== null) expect(counted.total).toBe(macs);
    });
  });
}
