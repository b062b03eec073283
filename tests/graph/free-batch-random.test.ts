/** Graphs put together at random: whichever batch is freed, each picture gives what it gave alone. */
import { expect, it } from 'vitest';
import { freeBatch, type ModelProto } from '../../lib/graph/index.js';
import { FoveateError } from '../../lib/errors/index.js';
import { checkFreed } from './freed.js';
import { graphModel, integers, node, weights, type Constant, type Node } from './made-graphs.js';

class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  oneOf<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

/** A chain of operators on `[batch, 4, 6]` whose shapes are those of that batch; values on the way are used again. */
function randomGraph(dice: Dice, batch: number): ModelProto {
  const nodes: Node[] = [];
  const constants: Constant[] = [];
  const shapes = new Map<string, readonly number[]>([['x', [batch, 4, 6]]]);
  let last = 'x';
  const list = (values: readonly number[]): string => {
    constants.push(integers(`list ${constants.length}`, values));
    return `list ${constants.length - 1}`;
  };
  const weight = (dims: readonly number[]): string => {
    constants.push(weights(`weights ${constants.length}`, dims));
    return `weights ${constants.length - 1}`;
  };
  const add = (opType: string, inputs: readonly string[], shape: readonly number[], attributes = {}): void => {
    const output = `v${nodes.length}`;
    nodes.push(node(opType, inputs, output, attributes));
    shapes.set(output, shape);
    last = output;
  };
  const steps: readonly ((shape: readonly number[]) => void)[] = [
    (shape) => add('Relu', [last], shape),
    (shape) => {
      const perm = shape.map((_, axis) => axis).sort(() => dice.below(3) - 1);
      const sizes = perm.map((axis) => shape[axis] as number);
      add('Transpose', [last], sizes, { perm });
    },
    ...Array.from({ length: 3 }, () => (shape: readonly number[]) => {
      // Neighbours are put together, sizes are split, and axes of 1 put in.
      const sizes = [...shape];
      for (let count = 1 + dice.below(3); count > 0; count--) {
        const axis = dice.below(sizes.length);
        const size = sizes[axis] as number;
        const factor = dice.oneOf([1, 2, 3].filter((each) => size % each === 0));
        if (dice.below(2) === 0 && axis + 1 < sizes.length) sizes.splice(axis, 2, size * (sizes[axis + 1] as number));
        else if (sizes.length < 6) sizes.splice(axis, 1, factor, size / factor);
      }
      const given = sizes.map((size, axis) => (size === shape[axis] && dice.below(4) === 0 ? 0 : size));
      if (dice.below(3) === 0) given[dice.below(given.length)] = -1;
      add('Reshape', [last, list(given)], sizes);
    }),
    (shape) => {
      const ones = shape.flatMap((size, axis) => (size === 1 && dice.below(2) === 0 ? [axis] : []));
      if (ones.length === 0 || ones.length === shape.length) return;
      const kept = shape.filter((_, axis) => !ones.includes(axis));
      add('Squeeze', [last, list(ones)], kept);
    },
    (shape) => {
      const axis = dice.below(shape.length + 1);
      add('Unsqueeze', [last, list([axis])], shape.toSpliced(axis, 0, 1));
    },
    (shape) => add('Softmax', [last], shape, { axis: dice.below(shape.length) }),
    (shape) => {
      const own = shape.slice(dice.below(shape.length)).map((size) => (dice.below(2) === 0 ? 1 : size));
      add(dice.oneOf(['Add', 'Mul']), [last, weight(own)], shape);
    },
    (shape) => {
      const same = [...shapes].filter(([, other]) => other.join() === shape.join()).map(([name]) => name);
      add('Sub', [last, dice.oneOf(same)], shape);
    },
    (shape) => {
      const axis = dice.below(shape.length);
      const own = shape.with(axis, 2);
      const inputs = dice.below(2) === 0 ? [weight(own), last] : [last, weight(own)];
      add('Concat', inputs, shape.with(axis, (shape[axis] as number) + 2), { axis });
    },
    (shape) => {
      if (shape.length < 2) return;
      add('MatMul', [last, weight([shape.at(-1) as number, 3])], shape.with(-1, 3));
    },
    (shape) => {
      if (shape.length < 2) return;
      const order = shape.map((_, axis) => axis);
      const turned = [...order.slice(0, -2), order.length - 1, order.length - 2];
      const before = last;
      add(
        'Transpose',
        [last],
        turned.map((axis) => shape[axis] as number),
        { perm: turned },
      );
      add('MatMul', [before, last], shape.with(-1, shape.at(-2) as number));
    },
    (shape) => {
      const axis = dice.below(shape.length);
      if (shape.length > 2) add('ReduceMax', [last], shape.toSpliced(axis, 1), { axes: [axis], keepdims: 0 });
    },
    (shape) => {
      const axis = dice.below(shape.length);
      const size = shape[axis] as number;
      const end = dice.oneOf([size, Math.ceil(size / 2), 2 ** 31 - 1]);
      add('Slice', [last, list([0]), list([end]), list([axis])], shape.with(axis, Math.min(end, size)));
    },
    (shape) => {
      const axis = dice.below(shape.length);
      add('Gather', [last, list([0, (shape[axis] as number) - 1])], shape.with(axis, 2), { axis });
    },
    (shape) => {
      const axis = dice.below(shape.length);
      if ((shape[axis] as number) > 1) return;
      add('Expand', [last, list(shape.with(axis, 2))], shape.with(axis, 2));
    },
  ];
  const length = 2 + dice.below(7);
  while (nodes.length < length) {
    const shape = shapes.get(last) as readonly number[];
    if (product(shape) < 2000) dice.oneOf(steps)(shape);
    else break;
  }
  // Back to one row for each picture, as far as that is possible.
  const shape = shapes.get(last) as readonly number[];
  if (product(shape) % batch === 0)
    add('Reshape', [last, list([batch, product(shape) / batch])], [batch, product(shape) / batch]);
  add('Identity', [last], shapes.get(last) as readonly number[]);
  return graphModel({ inputs: { x: [batch, 4, 6] }, nodes, constants, outputs: [last] });
}

it.each([
  [1, 1],
  [2, 2],
])(
  'graphs of a batch of %i',
  async (batch, seed) => {
    const dice = new Dice(seed);
    const counts = { freed: 0, refused: 0 };
    for (let i = 0; i < 150; i++) {
      const model = randomGraph(dice, batch);
      try {
        freeBatch(model);
      } catch (error) {
        expect(error).toBeInstanceOf(FoveateError);
        expect((error as FoveateError).code, (error as FoveateError).message).toBe('MODEL_UNSUPPORTED');
        counts.refused++;
        continue;
      }
      const story = (model.graph?.node ?? []).map(({ opType, output }) => `${opType} ${output.join()}`).join(', ');
      await checkFreed(model, 1e-5).catch((cause: unknown) => {
        throw new Error(`graph ${i}: ${story}`, { cause });
      });
      counts.freed++;
    }
    expect(counts.freed).toBeGreaterThan(counts.refused / 5);
  },
  600_000,
);
