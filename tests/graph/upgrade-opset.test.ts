/** Models of older opsets, in the newest one that the rules lead to. tests/reference/opsets.py says what the fixtures hold. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { encodeModel, parseModel, upgradeOpset, type ModelProto } from '../../lib/graph/index.js';
import { AttributeProto_AttributeType as AttributeType, ModelProtoSchema } from '../../lib/graph/onnx_pb.js';
import { upgradeRules } from '../../lib/graph/passes/upgrade-rules.js';
import { widened } from '../../lib/graph/passes/upgrade-table.js';
import { float16BitsToFloat32, Tensor, typedArrays, type DType } from '../../lib/tensor/index.js';
import {
  choice,
  DataType,
  difference,
  graphModel,
  integers,
  node,
  randomTensor,
  run,
  scales,
  value,
  weights,
  type MadeGraph,
  type Result,
} from './made-graphs.js';

interface Recorded {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: string;
}

interface Case {
  readonly name: string;
  readonly operator: string;
  readonly opset: number;
  readonly model: string;
  readonly inputs: Readonly<Record<string, Recorded>>;
  readonly outputs: Readonly<Record<string, Recorded>>;
}

const folder = join(import.meta.dirname, '../reference/fixtures/opsets');
const fixture = <T>(name: string): T => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as T;
const { operators, changes } = fixture<{ operators: string[]; changes: Record<string, number[]> }>('changes');
const cases = fixture<Case[]>('cases');
const checked = fixture<Record<string, Record<string, string>>>('checked');
/** ONNX Runtime 1.30 has no kernel for them in opset 22, which gave them more element types alone. */
const withoutKernel = new Set(['GlobalLpPool', 'MaxRoiPool', 'RoiAlign']);
/** The version of the format that goes with an opset. */
const irVersions: Readonly<Record<string, bigint>> = { 17: 8n, 22: 10n };

function tensor({ dtype, dims, data }: Recorded): Tensor {
  const bytes = new Uint8Array(Buffer.from(data, 'base64'));
  const array = typedArrays[dtype];
  return new Tensor(dtype, new array(bytes.buffer, 0, bytes.length / array.BYTES_PER_ELEMENT) as never, dims);
}

function result(recorded: Recorded): Result {
  const { dtype, dims, data } = tensor(recorded);
  const values = dtype === 'float16' ? Array.from(data as Uint16Array, float16BitsToFloat32) : Array.from(data, Number);
  return { dims: [...dims], values };
}

describe('the table of changes', () => {
  it('has every change that ONNX made between opset 7 and 22, and no other', () => {
    const known = new Set([...widened.keys(), ...upgradeRules.keys()]);
    const table = [...known].map((operator) => {
      const opsets = [...(widened.get(operator) ?? []), ...(upgradeRules.get(operator)?.since ?? [])];
      return [operator, opsets.sort((one, other) => one - other)] as const;
    });
    expect(Object.fromEntries(table.filter(([, opsets]) => opsets.length > 0))).toEqual(changes);
  });

  it('knows every operator of ONNX up to opset 22', () => {
    const known = new Set([...widened.keys(), ...upgradeRules.keys()]);
    // Never more than an experiment.
    expect(operators.filter((operator) => !known.has(operator))).toEqual([]);
    expect([...known].filter((operator) => !operators.includes(operator))).toEqual([]);
  });
});

describe('an operator of an older opset', () => {
  const upgrades = cases.flatMap((one) => Object.keys(checked[one.name]!).map((target) => [one.name, target, one] as const));

  it.each(upgrades)('%s gives in opset %s what it gave', async (name, target, { operator, model, inputs, outputs, opset }) => {
    const { proto } = parseModel(Buffer.from(model, 'base64'));
    const upgraded = upgradeOpset(proto, Number(target));
    expect([proto.opsetImport[0]?.version, upgraded.opsetImport[0]?.version, upgraded.irVersion]).toEqual([
      BigInt(opset),
      BigInt(target),
      irVersions[target],
    ]);
    expect(Buffer.compare(Buffer.from(encodeModel(proto)), Buffer.from(model, 'base64')), 'the model is left as it is').toBe(0);
    const given = Object.fromEntries(Object.entries(inputs).map(([input, recorded]) => [input, tensor(recorded)]));
    const runnable = target === '22' && withoutKernel.has(operator) ? upgradeOpset(proto, 21) : upgraded;
    expect(runnable.graph).toEqual(upgraded.graph);
    const received = await run(runnable, given);
    for (const [output, recorded] of Object.entries(outputs)) {
      const expected = result(recorded);
      expect(received[output]?.dims).toEqual(expected.dims);
      expect(difference(received[output] as Result, expected), output).toBeLessThanOrEqual(1e-6);
    }
    // What was checked by onnx is what is made now: after a change, run `opsets.py check`.
    expect(createHash('sha256').update(encodeModel(upgraded)).digest('hex')).toBe(checked[name]![target]);
  });
});

const operatorsOf = (model: ModelProto): string[] => (model.graph?.node ?? []).map(({ opType }) => opType);

describe('a whole model', () => {
  const graph: MadeGraph = { inputs: { x: [2, 3, 4] }, nodes: [node('Relu', 'x', 'y')], opset: 9, irVersion: 4 };

  it('is that itself where it is as new, or newer', () => {
    for (const opset of [17, 18, 21]) {
      const model = graphModel({ ...graph, opset });
      expect(upgradeOpset(model)).toBe(model);
    }
    const model = graphModel({ ...graph, opset: 15 });
    expect(upgradeOpset(model, 15)).toBe(model);
    expect(upgradeOpset(model, 16).opsetImport[0]?.version).toBe(16n);
  });

  it('counts the parts of a Split from opset 18 on', () => {
    const model = graphModel({ ...graph, nodes: [node('Split', 'x', ['y', 'z'], { axis: 2 })], opset: 11 });
    const attributesOf = (target: number) =>
      upgradeOpset(model, target).graph?.node[0]?.attribute.map(({ name, i }) => [name, i]);
    expect(attributesOf(17)).toEqual([['axis', 2n]]);
    expect(attributesOf(18)).toEqual([
      ['axis', 2n],
      ['num_outputs', 2n],
    ]);
  });

  it.each([
    [18, 8n],
    [19, 9n],
    [20, 9n],
    [21, 10n],
  ] as const)('of opset %i has the version of the format that came with it', (target, irVersion) => {
    expect(upgradeOpset(graphModel(graph), target).irVersion).toBe(irVersion);
  });

  it('keeps a newer IR version, other domains, functions and unknown fields', () => {
    const model = graphModel({ ...graph, irVersion: 10 });
    model.opsetImport.push({ ...structuredClone(model.opsetImport[0]!), domain: 'com.example', version: 3n });
    model.graph!.node.unshift({ ...structuredClone(model.graph!.node[0]!), opType: 'Own', domain: 'com.example', output: ['z'] });
    model.$unknown = [{ no: 4000, wireType: 0, data: Uint8Array.of(7) }];
    const upgraded = upgradeOpset(model);
    expect(upgraded.irVersion).toBe(10n);
    expect(upgraded.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([
      ['', 17n],
      ['com.example', 3n],
    ]);
    expect(operatorsOf(upgraded)).toEqual(['Own', 'Relu']);
    expect(upgraded.$unknown).toEqual(model.$unknown);
  });

  it('is upgraded in the graphs within it, which read constants from around them', async () => {
    const model = graphModel({
      inputs: { x: [2, 3, 4], c: value('c', [], DataType.BOOL) },
      nodes: [
        node('Clip', 'x', 'm', { max: { float: 0.5 } }),
        choice('c', 'y', node('Softmax', 'm', 'a', { axis: 1 }), node('Clip', 'm', 'b', { min: { float: -0.25 } })),
      ],
      opset: 9,
    });
    const upgraded = upgradeOpset(model);
    expect(operatorsOf(upgraded)).toEqual(['Constant', 'Clip', 'If']);
    const within = upgraded.graph?.node[2]?.attribute.map(({ g }) => g?.node.map(({ opType }) => opType));
    expect(within).toEqual([
      ['Shape', 'Flatten', 'Softmax', 'Reshape'],
      ['Constant', 'Clip'],
    ]);
    for (const isSo of [0, 1]) {
      const inputs = { x: randomTensor('float32', [2, 3, 4], 3), c: new Tensor('bool', Uint8Array.of(isSo), []) };
      expect(await run(upgraded, inputs)).toEqual(await run(model, inputs));
    }
  });

  it('gives new values names of their own', () => {
    const model = graphModel({
      inputs: { x: [4], 'y/min': [4] },
      nodes: [node('Clip', 'x', 'y', { min: { float: 0 } })],
      opset: 9,
    });
    expect(upgradeOpset(model).graph?.node[1]?.input).toEqual(['x', 'y/min_2']);
  });

  it('takes the type of a bound from the value where it is known only at run time', async () => {
    const model = graphModel({
      inputs: { x: value('x', [2, 3], DataType.DOUBLE), i: value('i', [1], DataType.INT64) },
      nodes: [
        node('SequenceConstruct', ['x', 'x'], 's'),
        node('SequenceAt', ['s', 'zero'], 'e'),
        node('Pad', ['e', 'pads'], 'p'),
        node('Identity', 'p', 'y'),
      ],
      constants: [integers('zero', 0), integers('pads', [0, 0, 0, 1])],
      outputs: [value('y', undefined, DataType.DOUBLE)],
      opset: 11,
    });
    expect(operatorsOf(upgradeOpset(model))).toEqual(operatorsOf(model));
    // Of opset 10, whose bounds have no type of their own; the graph around is not asked for its own opset.
    const clipped = graphModel({
      inputs: { x: value('x', [2, 3], DataType.FLOAT) },
      nodes: [{ ...node('Own', 'x', 'e'), domain: 'com.example' }, node('Clip', 'e', 'y', { max: { float: 1 } })],
      opset: 10,
    });
    expect(operatorsOf(upgradeOpset(clipped))).toEqual(['Own', 'Constant', 'CastLike', 'Clip']);
  });

  it('does without what nobody reads: a mask of Dropout', async () => {
    const model = graphModel({ ...graph, nodes: [node('Dropout', 'x', ['y', 'mask'], { ratio: { float: 0.5 } })], opset: 7 });
    const upgraded = upgradeOpset(model);
    expect(upgraded.graph?.node[0]).toMatchObject({ output: ['y'], attribute: [] });
    const inputs = { x: randomTensor('float32', [2, 3, 4], 3) };
    expect(await run(upgraded, inputs)).toEqual(await run(model, inputs));
  });

  it.each([
    ['opset 6', { opset: 6 }, 'it has opset 6'],
    [
      'an operator that ONNX does not have',
      { nodes: [node('Swush', 'x', 'y')] },
      'Swush "the y" is no operator of ONNX up to opset 22',
    ],
    [
      'an operator that is gone already',
      { nodes: [node('Upsample', ['x', 's'], 'y')], constants: [scales('s', [1, 1, 2])], opset: 10 },
      'is no operator of opset 10',
    ],
    ['an operator that came later', { nodes: [node('Gelu', 'x', 'y')], opset: 16 }, 'is no operator of opset 16'],
    [
      'statistics for each place',
      {
        nodes: [node('BatchNormalization', ['x', 'a', 'a', 'a', 'a'], 'y', { spatial: 0 })],
        constants: [weights('a', [3, 4])],
        opset: 8,
      },
      'statistics for each place',
    ],
    [
      'training',
      {
        nodes: [node('BatchNormalization', ['x', 'a', 'a', 'a', 'a'], ['y', 'm', 'v'])],
        constants: [weights('a', [3])],
        opset: 9,
      },
      'trains',
    ],
    ['a mask that is read', { nodes: [node('Dropout', 'x', ['m', 'y'])] }, 'gives out its mask'],
    ['Scan over batches', { nodes: [node('Scan', ['', 'x'], 'y')], opset: 8 }, 'goes over batches'],
  ] as const)('refuses %s', (_, changed, reason) => {
    const model = graphModel({ ...graph, ...(changed as Partial<MadeGraph>) });
    expect(() => upgradeOpset(model)).toThrow(
      expect.objectContaining({
        code: 'MODEL_UNSUPPORTED',
        message: expect.stringContaining(reason),
        hint: expect.any(String),
      }) as Error,
    );
  });

  it('refuses scales of groups where the number of channels is not known', () => {
    const nodes = [node('GroupNormalization', ['x', 's', 's'], 'y', { num_groups: 2 })];
    const model = graphModel({ inputs: { x: [1, 'channels', 4] }, nodes, constants: [weights('s', [2])], opset: 18 });
    expect(() => upgradeOpset(model, 21)).toThrow(
      expect.objectContaining({
        code: 'MODEL_UNSUPPORTED',
        message: expect.stringContaining('a number of channels that is not known'),
      }) as Error,
    );
  });

  it.each([14, 23, 16.5, '17'])('refuses the target %j', (target) => {
    expect(() => upgradeOpset(graphModel(graph), target as number)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error,
    );
  });

  it('is left as it is', () => {
    const model = graphModel({ ...graph, nodes: [node('Softmax', 'x', 'y')] });
    const before = toBinary(ModelProtoSchema, model);
    upgradeOpset(model);
    expect(Buffer.compare(toBinary(ModelProtoSchema, model), before)).toBe(0);
    expect(model.graph?.node[0]?.attribute.some(({ type }) => type === AttributeType.INT)).toBe(false);
  });
});
