import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  type AttributeProto,
  type NodeProto,
} from '../onnx_pb.js';
import { integer, integers } from '../shape-rule.js';
import { changed } from './changed.js';
import type { UpgradeStep } from './upgrade-step.js';

/** Gives the node that takes the place of another; what has to come before it is in `step.made`. */
export type UpgradeRule = (step: UpgradeStep) => NodeProto;

/** What changed its form or its meaning, and the opsets in which it did. Other changes are in upgrade-table.ts. */
export const upgradeRules: ReadonlyMap<string, { readonly since: readonly number[]; readonly rule: UpgradeRule }> = new Map([
  ['BatchNormalization', { since: [9, 14], rule: batchNormalization }],
  ['Clip', { since: [11], rule: clip }],
  ['DFT', { since: [20], rule: fourier }],
  ['Dropout', { since: [10, 12], rule: dropout }],
  ['GridSample', { since: [20], rule: gridSample }],
  ['GroupNormalization', { since: [21], rule: groupNormalization }],
  ['Hardmax', { since: [13], rule: softmax }],
  ['LogSoftmax', { since: [13], rule: softmax }],
  ['Pad', { since: [11], rule: pad }],
  ['ReduceL1', { since: [18], rule: listInput('axes') }],
  ['ReduceL2', { since: [18], rule: listInput('axes') }],
  ['ReduceLogSum', { since: [18], rule: listInput('axes') }],
  ['ReduceLogSumExp', { since: [18], rule: listInput('axes') }],
  ['ReduceMax', { since: [18], rule: listInput('axes') }],
  ['ReduceMean', { since: [18], rule: listInput('axes') }],
  ['ReduceMin', { since: [18], rule: listInput('axes') }],
  ['ReduceProd', { since: [18], rule: listInput('axes') }],
  ['ReduceSum', { since: [13], rule: listInput('axes') }],
  ['ReduceSumSquare', { since: [18], rule: listInput('axes') }],
  ['Resize', { since: [11], rule: resize }],
  ['RoiAlign', { since: [16], rule: roiAlign }],
  ['Scan', { since: [9], rule: scan }],
  ['Scatter', { since: [11], rule: (step) => step.with({ opType: 'ScatterElements' }) }],
  ['Slice', { since: [10], rule: slice }],
  ['Softmax', { since: [13], rule: softmax }],
  ['Split', { since: [13, 18], rule: split }],
  ['Squeeze', { since: [13], rule: listInput('axes') }],
  ['TopK', { since: [10], rule: topK }],
  ['Unsqueeze', { since: [13], rule: listInput('axes') }],
  ['Upsample', { since: [9, 10], rule: upsample }],
]);

/** A list that was an attribute and is the second input now. */
function listInput(attribute: string): UpgradeRule {
  return (step) => {
    const values = integers(step.node, attribute);
    const without = [attribute];
    // An empty list stood for one that is left out.
    if (values === undefined || values.length === 0) return step.with({ without });
    return step.with({ without, input: [step.proto.input[0] ?? '', step.integers(values, attribute)] });
  };
}

/** From opset 18 on, parts of one size are counted where no sizes are given. */
function split(step: UpgradeStep): NodeProto {
  const made = listInput('split')(step);
  if (step.target < 18 || (made.input[1] ?? '') !== '') return made;
  const count = create(AttributeProtoSchema, {
    name: 'num_outputs',
    type: AttributeType.INT,
    i: BigInt(made.output.length),
  });
  return changed(made, { attribute: [...made.attribute, count] });
}

/** The axis became an input, and the last but one where none is said. */
function fourier(step: UpgradeStep): NodeProto {
  const axis = step.integer(integer(step.node, 'axis', 1), 'axis');
  return step.with({ without: ['axis'], input: [step.proto.input[0] ?? '', step.proto.input[1] ?? '', axis] });
}

const interpolations: ReadonlyMap<unknown, string> = new Map([
  ['bilinear', 'linear'],
  ['bicubic', 'cubic'],
]);

function gridSample(step: UpgradeStep): NodeProto {
  const named = interpolations.get(step.node.attributes.get('mode') ?? 'bilinear');
  return named === undefined ? step.proto : step.with({ without: ['mode'], attribute: [text('mode', named)] });
}

/** Scale and bias were of groups, and are of channels now. */
function groupNormalization(step: UpgradeStep): NodeProto {
  const groups = integer(step.node, 'num_groups', 1);
  const channels = step.sizes(0)?.[1] ?? step.refuse('has a number of channels that is not known');
  const perChannel = (name: string): string => {
    const column = step.before('Reshape', [name, step.integers([groups, 1], 'column')]);
    const repeated = step.before('Expand', [column, step.integers([1, channels / groups], 'repeats')]);
    return step.before('Reshape', [repeated, step.integers([channels], 'channels')]);
  };
  const [input = '', scale = '', bias = ''] = step.proto.input;
  return step.with({ input: [input, perChannel(scale), perChannel(bias)] });
}

function float(step: UpgradeStep, name: string): number | undefined {
  const value = step.node.attributes.get(name);
  return typeof value === 'number' ? value : undefined;
}

function text(name: string, value: string): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
}

/** Before opset 14, outputs besides the first meant training. */
function batchNormalization(step: UpgradeStep): NodeProto {
  if (step.from < 14 && step.proto.output.slice(1).some((name) => name !== ''))
    step.refuse('trains: it gives out new statistics', 'Export the model for inference (`model.eval()`).');
  if (step.from < 9 && integer(step.node, 'spatial', 1) !== 1)
    step.refuse('has statistics for each place (spatial=0), which newer opsets cannot say');
  return changed(step.with({ without: ['spatial'] }), { output: step.proto.output.slice(0, 1) });
}

function clip(step: UpgradeStep): NodeProto {
  const bounds = (['min', 'max'] as const).map((name) => {
    const bound = float(step, name);
    return bound === undefined ? '' : step.scalarLike(bound, 0, name);
  });
  return step.with({ without: ['min', 'max'], input: [step.proto.input[0] ?? '', ...bounds] });
}

/** How much is dropped matters only to training. Engines do not agree on the mask where nothing is dropped: it is true now. */
function dropout(step: UpgradeStep): NodeProto {
  if (step.isRead(1))
    step.refuse('gives out its mask, which is another one in newer opsets', 'Export the model for inference (`model.eval()`).');
  return changed(step.with({ without: ['ratio'] }), { output: step.proto.output.slice(0, 1) });
}

/** Before opset 13 all axes from `axis` on were one; now only that axis counts. */
function softmax(step: UpgradeStep): NodeProto {
  const sizes = step.sizes(0);
  const named = integer(step.node, 'axis', 1);
  const axis = named < 0 && sizes !== null ? named + sizes.length : named;
  const isSingle = axis === -1 || (sizes !== null && axis >= 0 && sizes.slice(axis + 1).every((size) => size === 1));
  const only = (index: number): AttributeProto =>
    create(AttributeProtoSchema, { name: 'axis', type: AttributeType.INT, i: BigInt(index) });
  if (isSingle) return step.with({ without: ['axis'], attribute: [only(axis + 1 === sizes?.length ? -1 : axis)] });
  const [input = ''] = step.proto.input;
  const shape = step.before('Shape', [input]);
  const rows = step.before('Flatten', [input], { axis });
  const applied = step.before(step.proto.opType, [rows], { axis: -1 });
  return step.with({ opType: 'Reshape', input: [applied, shape], without: ['axis'] });
}

function pad(step: UpgradeStep): NodeProto {
  const pads = integers(step.node, 'pads') ?? step.refuse('does not say how much it adds');
  const value = float(step, 'value') ?? 0;
  const filling = value === 0 ? '' : step.scalarLike(value, 0, 'value');
  return step.with({ without: ['pads', 'value'], input: [step.proto.input[0] ?? '', step.integers(pads, 'pads'), filling] });
}

function slice(step: UpgradeStep): NodeProto {
  const lists = ['starts', 'ends', 'axes'].map((name) => {
    const values = integers(step.node, name);
    return values === undefined ? '' : step.integers(values, name);
  });
  return step.with({ without: ['starts', 'ends', 'axes'], input: [step.proto.input[0] ?? '', ...lists] });
}

function topK(step: UpgradeStep): NodeProto {
  const count = float(step, 'k') ?? step.refuse('does not say how many it takes');
  return step.with({ without: ['k'], input: [step.proto.input[0] ?? '', step.integers([count], 'k')] });
}

function roiAlign(step: UpgradeStep): NodeProto {
  return step.with({ attribute: [text('coordinate_transformation_mode', 'output_half_pixel')] });
}

function scan(step: UpgradeStep): NodeProto {
  return step.refuse('is Scan of opset 8, which goes over batches');
}

function upsample(step: UpgradeStep): NodeProto {
  const [input = '', given] = step.proto.input;
  const listed = step.node.attributes.get('scales');
  const scales = given ?? (Array.isArray(listed) ? step.floats(listed as number[], 'scales') : step.refuse('has no scales'));
  return resized(step, input, scales, 'floor');
}

/**
 * In opset 10, `nearest` took the place before in axes that grow, and the place after in those that shrink: where both may be, the ones that shrink come
 * first.
 */
function resize(step: UpgradeStep): NodeProto {
  const [input = '', scales = ''] = step.proto.input;
  const known = step.numbers(1);
  if (step.node.attributes.get('mode') === 'linear' || known?.every((scale) => scale >= 1))
    return resized(step, input, scales, 'floor');
  if (known?.every((scale) => scale <= 1)) return resized(step, input, scales, 'ceil');
  const one = step.floats([1], 'one');
  const shrunk = step.fresh('shrunk');
  const shrinking = resized(step, input, step.before('Min', [scales, one]), 'ceil');
  const growing = step.before('Max', [scales, one]);
  step.made.push(changed(shrinking, { output: [shrunk], name: shrunk }));
  return resized(step, shrunk, growing, 'floor');
}

/** Places were asked for without an offset of half a pixel. */
function resized(step: UpgradeStep, input: string, scales: string, nearest: 'floor' | 'ceil'): NodeProto {
  const isLinear = step.node.attributes.get('mode') === 'linear';
  return step.with({
    opType: 'Resize',
    without: ['scales'],
    input: [input, '', scales],
    attribute: [text('coordinate_transformation_mode', 'asymmetric'), ...(isLinear ? [] : [text('nearest_mode', nearest)])],
  });
}
