/** Detectors with a candidate at each cell of three grids, 64 x 64: the ends of their graphs as exporters write them, over convolutions of averages. */
import { encodeModel, type OnnxModel, parseModel } from '../../lib/graph/index.js';
import { DataType, graphModel, integers, node, pseudoRandom, value, type Constant, type Node } from '../graph/made-graphs.js';

export const side = 64;
const strides = [8, 16, 32];
const classes = 2;
const cells = strides.flatMap((stride) => {
  const columns = side / stride;
  return Array.from({ length: columns ** 2 }, (_, i) => ({ x: i % columns, y: Math.floor(i / columns), stride }));
});
/** Rows of the output. */
const count = cells.length;

export function floats(name: string, dims: readonly number[], values: readonly number[]): Constant {
  return {
    name,
    dims: dims.map(BigInt),
    dataType: DataType.FLOAT,
    rawData: new Uint8Array(Float32Array.from(values).buffer),
  };
}

/** What a 1 x 1 convolution over the mean colours of cells has: a row of three weights for each of its outputs, and the biases. */
interface Weights {
  readonly weights: readonly number[];
  readonly bias: readonly number[];
}

/** Some that make numbers around 0 of pixels around 128. */
export function seeded(outputs: number, seed: number): Weights {
  const weights = Array.from(pseudoRandom(outputs * 3, seed), (v) => v / 64);
  const bias = Array.from({ length: outputs }, (_, i) => -128 * weights.slice(i * 3, i * 3 + 3).reduce((sum, v) => sum + v, 0));
  return { weights, bias };
}

interface Part {
  readonly nodes: readonly Node[];
  readonly constants: readonly Constant[];
}

/** Values `NAME0` to `NAME2` `[1, C, H, W]`, one for each grid. */
function convolved(name: string, { weights, bias }: Weights): Part {
  return {
    nodes: strides.map((_, i) => node('Conv', [`mean${i}`, `${name}.w`, `${name}.b`], `${name}${i}`)),
    constants: [floats(`${name}.w`, [bias.length, 3, 1, 1], weights), floats(`${name}.b`, [bias.length], bias)],
  };
}

const means = strides.map((stride, i) =>
  node('AveragePool', 'x', `mean${i}`, { kernel_shape: [stride, stride], strides: [stride, stride] }),
);

/** From `NAME0` to `NAME2` to `NAME` `[1, A, C]`. */
function rowsOf(name: string, channels: number): Part {
  return {
    nodes: [
      ...strides.map((_, i) => node('Reshape', [`${name}${i}`, `${name}.flat`], `${name}.flat${i}`)),
      node(
        'Concat',
        strides.map((_, i) => `${name}.flat${i}`),
        `${name}.columns`,
        { axis: 2 },
      ),
      node('Transpose', `${name}.columns`, name, { perm: [0, 2, 1] }),
    ],
    constants: [integers(`${name}.flat`, [1, channels, -1])],
  };
}

/** The bytes of the model that these parts make, and the graph of it. */
export function assembled(parts: readonly Part[]): { readonly bytes: Uint8Array; readonly graph: OnnxModel } {
  const model = graphModel({
    inputs: { x: [1, 3, side, side] },
    outputs: [value('y', [1, count, 5 + classes])],
    nodes: [...means, ...parts.flatMap(({ nodes }) => nodes)],
    constants: parts.flatMap(({ constants }) => constants),
  });
  const bytes = encodeModel(model);
  return { bytes, graph: parseModel(bytes) };
}

/** YOLOX before decoding: `raw` `[1, A, 7]`. */
export function yolox(weights = [seeded(4, 1), seeded(1, 2), seeded(classes, 3)] as const): Part[] {
  const names = ['box', 'objectness', 'classes'] as const;
  return [
    ...names.map((name, i) => convolved(name, weights[i] as Weights)),
    {
      nodes: strides.flatMap((_, i) => [
        node('Sigmoid', `objectness${i}`, `objectness.sure${i}`),
        node('Sigmoid', `classes${i}`, `classes.sure${i}`),
        node('Concat', [`box${i}`, `objectness.sure${i}`, `classes.sure${i}`], `raw${i}`, { axis: 1 }),
      ]),
      constants: [],
    },
    rowsOf('raw', 5 + classes),
  ];
}

const grid: Part = {
  nodes: [],
  constants: [
    floats(
      'grid',
      [1, count, 2],
      cells.flatMap(({ x, y }) => [x, y]),
    ),
    floats(
      'points',
      [1, count, 2],
      cells.flatMap(({ x, y }) => [x + 0.5, y + 0.5]),
    ),
    floats(
      'strides',
      [1, count, 1],
      cells.map(({ stride }) => stride),
    ),
    floats('two', [], [2]),
    floats('ones', [1, count, 1], Array<number>(count).fill(1)),
  ],
};

const centresAndSizes = [
  node('Add', ['offsets', 'grid'], 'moved'),
  node('Mul', ['moved', 'strides'], 'centres'),
  node('Exp', 'logs', 'exponentials'),
  node('Mul', ['exponentials', 'strides'], 'sizes'),
];

/** YOLOX that decodes in the graph. */
export const decodedYolox: Part[] = [
  ...yolox(),
  grid,
  {
    nodes: [
      node('Split', ['raw', 'parts'], ['offsets', 'logs', 'rest'], { axis: 2 }),
      ...centresAndSizes,
      node('Concat', ['centres', 'sizes', 'rest'], 'y', { axis: 2 }),
    ],
    constants: [integers('parts', [2, 2, 1 + classes])],
  },
];

/** The same as PyTorch exports what is assigned in place. */
export const scatteredYolox: Part[] = [
  ...yolox(),
  grid,
  {
    nodes: [
      node('Slice', ['raw', 'zero', 'two columns', 'last axis'], 'offsets'),
      node('Slice', ['raw', 'two columns', 'four columns', 'last axis'], 'logs'),
      ...centresAndSizes,
      node('ScatterND', ['raw', 'first columns', 'centres'], 'half'),
      node('ScatterND', ['half', 'next columns', 'sizes'], 'y'),
    ],
    constants: [
      integers('zero', [0]),
      integers('two columns', [2]),
      integers('four columns', [4]),
      integers('last axis', [2]),
      ...[0, 2].map((first, i) => ({
        ...integers(
          i === 0 ? 'first columns' : 'next columns',
          cells.flatMap((_, row) => [0, row, first, 0, row, first + 1]),
        ),
        dims: [1n, BigInt(count), 2n, 3n],
      })),
    ],
  },
];

/** YOLOv6: distances of the sides from the middles of the cells, and an objectness of 1. `last`: what makes `y` of `boxes` in pixels. */
export function yolov6(box: Weights, scores: Weights, asCorners = false): Part[] {
  const ofCorners = [node('Concat', ['leftTop', 'rightBottom'], 'four', { axis: 2 })];
  const ofCentres = [
    node('Add', ['leftTop', 'rightBottom'], 'sum'),
    node('Div', ['sum', 'two'], 'middle'),
    node('Sub', ['rightBottom', 'leftTop'], 'size'),
    node('Concat', ['middle', 'size'], 'four', { axis: 2 }),
  ];
  return [
    convolved('box', box),
    convolved('scores', scores),
    { nodes: strides.map((_, i) => node('Sigmoid', `scores${i}`, `sure${i}`)), constants: [] },
    rowsOf('box', 4),
    rowsOf('sure', classes),
    grid,
    {
      nodes: [
        node('Split', ['box', 'halves'], ['before', 'after'], { axis: 2 }),
        node('Sub', ['points', 'before'], 'leftTop'),
        node('Add', ['points', 'after'], 'rightBottom'),
        ...(asCorners ? ofCorners : ofCentres),
        node('Mul', ['four', 'strides'], 'pixels'),
        node('Concat', ['pixels', 'ones', 'sure'], 'y', { axis: 2 }),
      ],
      constants: [integers('halves', [2, 2])],
    },
  ];
}

/** A last node that makes `y` of one value. */
export function last(opType: string, input: string, ...more: readonly string[]): Part {
  return { nodes: [node(opType, [input, ...more], 'y')], constants: [] };
}
