import type { OnnxGraph, OnnxNode } from './onnx-graph.js';
import { outputSizes } from './operator-shapes.js';
import type { Sizes } from './shape-rule.js';
import { foldNumbers, numbersOf, type NumberList } from './small-numbers.js';
import { valueInfo, type Dimension } from './value-info.js';

export interface ValueSizes {
  /** Sizes by the name of the value, as far as they are known. */
  readonly sizes: ReadonlyMap<string, Sizes>;
  /** Free batch dimensions that were taken as 1, or as the batch asked for: their names, `?` for one without. */
  readonly takenAsOne: readonly string[];
}

/** Shapes are short: longer lists of integers are data, and longer shapes those of a damaged model. */
const maxRank = 16;

/**
 * The sizes of a graph's values: what the graph declares, put together with what follows from the sizes of its inputs. A free first
 * dimension of an input is taken as `batch`. Where declaration and inference differ, a size counts as unknown.
 */
export function sizesOfValues(graph: OnnxGraph, batch = 1): ValueSizes {
  const batches = new Set<string>();
  const sizes = new Map<string, Sizes>();
  for (const { name, shape } of graph.inputs) {
    const [first] = shape ?? [];
    const free = shape !== null && shape.length > 1 && typeof first !== 'number';
    if (free) batches.add(first ?? '?');
    sizes.set(name, short(shape && shape.map((dim, axis) => (free && axis === 0 ? batch : numberOf(dim)))));
  }
  const declared = new Map<string, Sizes>();
  for (const { name, shape } of [...graph.proto.valueInfo.map(valueInfo), ...graph.outputs]) {
    declared.set(
      name,
      // The name of the batch stands for it in the first place only: some exporters give every free dimension the same name.
      shape && shape.map((dim, axis) => (axis === 0 && typeof dim === 'string' && batches.has(dim) ? batch : numberOf(dim))),
    );
  }
  const numbers = new Map<string, NumberList>();
  for (const [name, tensor] of graph.initializers) {
    sizes.set(name, short(tensor.dims));
    const list = numbersOf(tensor);
    if (list !== undefined) numbers.set(name, list);
  }
  for (const node of graph.nodes) {
    const inferred = inferredSizes(node, sizes, numbers);
    node.outputs.forEach((name, index) => {
      if (name !== '') sizes.set(name, short(agreed(declared.get(name) ?? null, inferred[index] ?? null)));
    });
    const [first = ''] = node.outputs;
    const list = foldNumbers(
      node,
      (name) => sizes.get(name) ?? null,
      (name) => numbers.get(name),
    );
    // A matrix is no list.
    if (list !== undefined && list.elements.length <= maxRank && (sizes.get(first)?.length ?? 1) <= 1) numbers.set(first, list);
  }
  return { sizes, takenAsOne: [...batches] };
}

/** A batch whose size is no factor of anything else. */
const probe = 7919;

/** Those sizes of a graph's values that are the same whatever the batch: what passes may write into a model. */
export function fixedSizes(graph: OnnxGraph): ReadonlyMap<string, Sizes> {
  const { sizes, takenAsOne } = sizesOfValues(graph);
  if (takenAsOne.length === 0) return sizes;
  const others = sizesOfValues(graph, probe).sizes;
  return new Map(
    [...sizes].map(([name, own]) => {
      const other = others.get(name) ?? null;
      return [
        name,
        other?.length !== own?.length ? null : own && own.map((size, axis) => (size === other?.[axis] ? size : null)),
      ];
    }),
  );
}

/** Null for what is too long: lists that grow with every node would take the memory of the machine. */
function short(list: Sizes): Sizes {
  return list !== null && list.length <= maxRank ? list : null;
}

function numberOf(dim: Dimension): number | null {
  return typeof dim === 'number' ? dim : null;
}

function inferredSizes(
  node: OnnxNode,
  sizes: ReadonlyMap<string, Sizes>,
  numbers: ReadonlyMap<string, NumberList>,
): readonly Sizes[] {
  if (node.domain !== '') return [];
  return outputSizes({
    node,
    inputs: node.inputs.map((name) => sizes.get(name) ?? null),
    numbers: (index) => numbers.get(node.inputs[index] ?? '')?.elements,
  });
}

/** What both say; a size on which they differ is unknown. */
function agreed(declared: Sizes, inferred: Sizes): Sizes {
  if (declared === null || inferred === null) return declared ?? inferred;
  if (declared.length !== inferred.length) return null;
  return declared.map((size, axis) => {
    const other = inferred[axis] ?? null;
    return size === null || other === null || size === other ? (size ?? other) : null;
  });
}
