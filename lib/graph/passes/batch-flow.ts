import type { NodeProto } from '../onnx_pb.js';
import { OnnxNode, type OnnxGraph } from '../onnx-graph.js';
import { outputSizes } from '../operator-shapes.js';
import type { Sizes } from '../shape-rule.js';
import { foldNumbers, numbersOf, type NumberList } from '../small-numbers.js';
import { sizesOfValues } from '../value-sizes.js';
import { firstAxis, sizesAt, type BatchAxis } from './batch-axis.js';
import { listInputs, rules } from './batch-rules.js';
import { BatchStep, refusal } from './batch-step.js';
import { integerList, madeNode } from './made-nodes.js';
import { FreshNames, readBy } from './names.js';
import { invalid } from './sound-model.js';

/** What is known of a value while the batch is followed through a graph. */
export interface FlowValue {
  /** At the batch that the model is fixed to. */
  readonly sizes: Sizes;
  /** Where its pictures lie; undefined for a value that no picture changes. */
  readonly batch: BatchAxis | undefined;
  /** The elements of a short list: at the batch that the model is fixed to, and at the probe. */
  readonly numbers: readonly [NumberList, NumberList] | undefined;
  /** Whether it is a list that tells how large the batch is. */
  readonly tellsBatch: boolean;
}

/** Longer lists are data, as in value-sizes.ts. */
const maxListLength = 16;

/**
 * Follows the pictures of a batch through the nodes of a graph, which are to be added in their order, and changes those that hold the batch fixed.
 *
 * What holds of each value: picture n in it, at any batch, is what the model as it was makes of picture n. Rules keep to that, operator by operator
 * (batch-rules.ts). The sizes that the changed nodes give are computed at another batch besides, the probe: where they are others than the rule says,
 * the model is refused.
 */
export class BatchFlow {
  readonly opset: number;
  readonly count: number;
  /** A batch whose size is no factor of anything else. */
  readonly probe: number;
  /** The nodes so far, changed ones and new ones among them. */
  readonly nodes: NodeProto[] = [];
  readonly #values = new Map<string, FlowValue>();
  readonly #sizes: ReadonlyMap<string, Sizes>;
  readonly #names: FreshNames;
  /** An input that the pictures come in by. */
  readonly #input: string;
  /** Name of the list that holds the size of the batch. */
  #batchSize: string | undefined;

  /** `inputs` are the names of those whose first axis is the batch, fixed to `count`. */
  constructor(graph: OnnxGraph, opset: number, count: number, inputs: readonly string[]) {
    this.opset = opset;
    this.count = count;
    this.probe = count * 7919;
    this.#names = new FreshNames(graph.proto);
    this.#sizes = sizesOfValues(graph).sizes;
    this.#input = inputs[0] as string;
    const add = (name: string, value: Partial<FlowValue>): void => {
      this.#values.set(name, { sizes: this.sizesOf(name), batch: undefined, numbers: undefined, tellsBatch: false, ...value });
    };
    for (const { values } of graph.proto.sparseInitializer) add(values?.name ?? '', {});
    for (const [name, tensor] of graph.initializers) {
      const list = numbersOf(tensor);
      add(name, { numbers: list && [list, list] });
    }
    for (const { name } of graph.inputs) add(name, inputs.includes(name) ? { batch: firstAxis } : {});
  }

  /** Throws MODEL_INVALID for a value that no node before has made. */
  value(name: string): FlowValue {
    const value = this.#values.get(name);
    if (value !== undefined) return value;
    throw invalid(`the value ${JSON.stringify(name)} is read before it is made`);
  }

  /** Whether pictures, or how many there are, change a value. */
  hasPictures(name: string): boolean {
    const value = this.#values.get(name);
    return value !== undefined && (value.batch !== undefined || value.tellsBatch);
  }

  /** At the batch that the model is fixed to; null for what is not known, or new. */
  sizesOf(name: string): Sizes {
    return this.#sizes.get(name) ?? null;
  }

  /** Sizes of the outputs as they follow from those of the inputs, at a batch of `count`. */
  inferred(node: OnnxNode, count: number): readonly Sizes[] {
    if (node.domain !== '') return [];
    return outputSizes({
      node,
      inputs: node.inputs.map((name) => (name === '' ? null : this.#sizesAt(name, count))),
      numbers: (index) => this.#numbersAt(node.inputs[index] ?? '', count)?.elements,
    });
  }

  /** Throws MODEL_UNSUPPORTED for a node that cannot follow the batch. */
  add(proto: NodeProto): void {
    const node = new OnnxNode(proto, undefined);
    const own = node.inputs.flatMap((name) => (name === '' ? [] : [this.value(name)]));
    const read = readBy(proto).flatMap((name) => this.#values.get(name) ?? []);
    if (![...own, ...read].some(({ batch, tellsBatch }) => batch !== undefined || tellsBatch)) return this.#addFixed(proto, node);
    const lists = this.#lists(node);
    if (lists !== undefined) return this.#addList(proto, lists);
    this.#addStep(proto, node, read.length > own.length);
  }

  /** The name of a list that is written into the graph. */
  integers(values: readonly number[]): string {
    return this.#make((name) => integerList(values, name), 'list');
  }

  /** The name of a list of which the element at `axis` is so many times the size of the batch. */
  growingList(values: readonly number[], axis: number, times: number): string {
    const size = this.#sizeOfBatch();
    const element = times === 1 ? size : this.#make((name) => madeNode('Mul', [size, this.integers([times])], name), 'size');
    const parts = [
      ...(axis > 0 ? [this.integers(values.slice(0, axis))] : []),
      element,
      ...(axis + 1 < values.length ? [this.integers(values.slice(axis + 1))] : []),
    ];
    return this.#make((name) => madeNode('Concat', parts, name, { axis: 0 }), 'sizes');
  }

  tiled(input: string, repeats: string): string {
    return this.#make((name) => madeNode('Tile', [input, repeats], name), 'repeated');
  }

  #sizeOfBatch(): string {
    if (this.#batchSize !== undefined) return this.#batchSize;
    const shape = this.#make((name) => madeNode('Shape', [this.#input], name), 'shape');
    const first = this.integers([0]);
    this.#batchSize = this.#make((name) => madeNode('Gather', [shape, first], name, { axis: 0 }), 'size');
    return this.#batchSize;
  }

  #make(node: (output: string) => NodeProto, what: string): string {
    const name = this.#names.fresh(`batch/${what}`);
    this.add(node(name));
    return name;
  }

  /** A node that no picture goes into. */
  #addFixed(proto: NodeProto, node: OnnxNode): void {
    const list = this.#folded(node, this.count);
    this.#push(proto, (index, sizes) => {
      const isList = index === 0 && list !== undefined && (sizes?.length ?? 1) <= 1;
      return { batch: undefined, numbers: isList ? [list, list] : undefined, tellsBatch: false };
    });
  }

  /** A node that computes a list from the sizes of pictures. */
  #addList(proto: NodeProto, numbers: readonly [NumberList, NumberList]): void {
    const [one, other] = numbers.map(({ elements }) => elements) as [NumberList['elements'], NumberList['elements']];
    const tellsBatch = one.some((element, i) => element === null || element !== other[i]);
    this.#push(proto, (_, sizes) => {
      const isList = (sizes?.length ?? 1) <= 1;
      if (!isList && tellsBatch) throw refusal(proto, 'makes more than a list of the size of the batch');
      return { batch: undefined, numbers: isList ? numbers : undefined, tellsBatch };
    });
  }

  #addStep(proto: NodeProto, node: OnnxNode, hasSubgraph: boolean): void {
    if (hasSubgraph) throw refusal(proto, 'has a graph within it that pictures go into');
    const rule = node.domain === '' ? rules.get(node.opType) : undefined;
    if (rule === undefined) throw refusal(proto, 'is an operator of which it is not known what it does with a batch');
    const unread = node.inputs.findIndex((name, index) => {
      return name !== '' && this.value(name).tellsBatch && !listInputs(node.opType).includes(index);
    });
    if (unread >= 0) throw refusal(proto, `takes the size of the batch (input ${unread}) for something else than a shape`);
    const step = new BatchStep(this, proto);
    const places = rule(step);
    const found = this.inferred(step.node, this.probe);
    this.#push(step.proto, (index, sizes) => {
      const batch = Array.isArray(places) ? (places as readonly BatchAxis[])[index] : (places as BatchAxis);
      if (batch === undefined)
        throw refusal(proto, `gives a value (output ${index}) of which it is not known where the pictures lie`);
      this.#check(proto, sizes, batch, found[index] ?? null);
      return { batch, numbers: undefined, tellsBatch: false };
    });
  }

  /** Refuses where the sizes are others than a rule says. */
  #check(proto: NodeProto, sizes: Sizes, batch: BatchAxis, found: Sizes): void {
    if (sizes === null) return;
    const own = sizes[batch.axis];
    const fits = own === null || own === batch.outer * this.count * batch.inner;
    const expected = fits ? sizesAt(sizes, batch, this.probe) : null;
    const agrees =
      found === null || (expected?.length === found.length && expected.every((size, axis) => isSameOrUnknown(size, found[axis])));
    if (!fits || !agrees) throw refusal(proto, 'gives sizes that do not follow those of the batch');
  }

  #push(proto: NodeProto, describe: (index: number, sizes: Sizes) => Omit<FlowValue, 'sizes'>): void {
    const inferred = this.inferred(new OnnxNode(proto, undefined), this.count);
    proto.output.forEach((name, index) => {
      if (name === '') return;
      const sizes = this.sizesOf(name) ?? inferred[index] ?? null;
      this.#values.set(name, { sizes, ...describe(index, sizes) });
    });
    this.nodes.push(proto);
  }

  /** The list that a node computes, at either batch; undefined where it is none, or is not known. */
  #lists(node: OnnxNode): readonly [NumberList, NumberList] | undefined {
    const [one, other] = [this.#folded(node, this.count), this.#folded(node, this.probe)];
    return one !== undefined && other?.elements.length === one.elements.length ? [one, other] : undefined;
  }

  #folded(node: OnnxNode, count: number): NumberList | undefined {
    const list = foldNumbers(
      node,
      (name) => this.#sizesAt(name, count),
      (name) => this.#numbersAt(name, count),
    );
    return list !== undefined && list.elements.length <= maxListLength ? list : undefined;
  }

  #sizesAt(name: string, count: number): Sizes {
    const value = this.#values.get(name);
    return value === undefined ? null : sizesAt(value.sizes, value.batch, count);
  }

  #numbersAt(name: string, count: number): NumberList | undefined {
    return this.#values.get(name)?.numbers?.[count === this.count ? 0 : 1];
  }
}

function isSameOrUnknown(size: number | null, found: number | null | undefined): boolean {
  return size === null || found === null || size === found;
}
