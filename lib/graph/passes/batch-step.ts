import { ModelError } from '../../errors/index.js';
import type { NodeProto } from '../onnx_pb.js';
import { OnnxNode } from '../onnx-graph.js';
import { integer, integers, product, type Sizes } from '../shape-rule.js';
import { isSame, sizesAt, type BatchAxis } from './batch-axis.js';
import type { BatchFlow, FlowValue } from './batch-flow.js';
import { changed } from './changed.js';

/** One element of a list that a shape is made of. */
export interface ListElement {
  /** At the batch that the model is fixed to; null where it is not known. */
  readonly value: number | null;
  /** Whether it is another one at another batch. */
  readonly grows: boolean;
}

/**
 * A node that pictures go into. Its rule looks at it, changes it where it holds the batch fixed, and tells where the pictures lie in what comes out;
 * or it refuses.
 */
export class BatchStep {
  readonly #flow: BatchFlow;
  #proto: NodeProto;

  constructor(flow: BatchFlow, proto: NodeProto) {
    this.#flow = flow;
    this.#proto = proto;
  }

  /** As it is after the changes. */
  get proto(): NodeProto {
    return this.#proto;
  }

  get node(): OnnxNode {
    return new OnnxNode(this.#proto, undefined);
  }

  get opset(): number {
    return this.#flow.opset;
  }

  /** The batch that the model is fixed to. */
  get count(): number {
    return this.#flow.count;
  }

  /** Undefined for an input that is left out. */
  input(index: number): FlowValue | undefined {
    const name = this.#proto.input[index] ?? '';
    return name === '' ? undefined : this.#flow.value(name);
  }

  batch(index: number): BatchAxis | undefined {
    return this.input(index)?.batch;
  }

  /** The inputs that pictures lie in. */
  get batched(): readonly { readonly index: number; readonly batch: BatchAxis }[] {
    return this.#proto.input.flatMap((_, index) => {
      const batch = this.batch(index);
      return batch === undefined ? [] : [{ index, batch }];
    });
  }

  /** Where the pictures lie in the first input; refuses where others have them too. */
  get only(): BatchAxis {
    const [first, second] = this.batched;
    if (first?.index !== 0 || second !== undefined) this.refuse('takes pictures where it is known with constants only');
    return first.batch;
  }

  sizes(index: number): Sizes {
    return this.input(index)?.sizes ?? null;
  }

  rank(index: number): number {
    return this.sizes(index)?.length ?? this.refuse('has an input whose number of axes is not known');
  }

  /** Of the first output, at the batch that the model is fixed to. */
  get outputSizes(): Sizes {
    return this.#flow.sizesOf(this.#proto.output[0] ?? '') ?? this.#flow.inferred(this.node, this.count)[0] ?? null;
  }

  /** Whether the node, as it is, gives its first output these sizes with the pictures in that place, whatever the batch. */
  follows(place: BatchAxis): boolean {
    const expected = sizesAt(this.outputSizes, place, this.#flow.probe);
    const received = this.#flow.inferred(this.node, this.#flow.probe)[0] ?? null;
    if (expected === null || expected.length !== received?.length) return false;
    return expected.every((size, axis) => size === received[axis]);
  }

  /** An attribute that is an axis of the first input, counted from the front. */
  axis(name: string, otherwise: number): number {
    return this.fromFront(integer(this.node, name, otherwise), this.rank(0));
  }

  fromFront(axis: number, rank: number): number {
    const index = axis < 0 ? axis + rank : axis;
    return index >= 0 && index < rank ? index : this.refuse(`names axis ${axis} of ${rank}`);
  }

  /** What a list of integers is, in an attribute or in the input that newer opsets have instead; null where it is left out. Refuses what is not known. */
  list(attribute: string | undefined, index: number): readonly number[] | null {
    const listed = attribute === undefined ? undefined : integers(this.node, attribute);
    if (listed !== undefined) return listed;
    if (this.input(index) === undefined) return null;
    return this.elements(index)?.map(({ value }) => value ?? this.#unknown(index)) ?? this.#unknown(index);
  }

  /** The elements of an input that is a short list; undefined where they are known only at run time. */
  elements(index: number): readonly ListElement[] | undefined {
    const value = this.input(index);
    return value?.numbers?.[0].elements.map((element, i) => {
      const other = value.numbers?.[1].elements[i] ?? null;
      const grows = value.tellsBatch && (element === null || other === null || element !== other);
      const isMultiple = element !== null && other !== null && element * this.#flow.probe === other * this.count;
      return { value: grows && !isMultiple ? null : element, grows };
    });
  }

  /** Puts a list in the place of an attribute, or of the input that newer opsets have instead. */
  setList(attribute: string | undefined, index: number, values: readonly number[]): void {
    if (attribute === undefined || integers(this.node, attribute) === undefined)
      return this.setInput(index, this.#flow.integers(values));
    const ints = values.map(BigInt);
    const attributes = this.#proto.attribute.map((own) => (own.name === attribute ? changed(own, { ints }) : own));
    this.#proto = changed(this.#proto, { attribute: attributes });
  }

  /** Puts a list in the place of an input, of which one element grows with the batch. */
  setGrowingList(index: number, values: readonly number[], axis: number, times: number): void {
    this.setInput(index, this.#flow.growingList(values, axis, times));
  }

  setInput(index: number, name: string): void {
    this.#proto = changed(this.#proto, { input: this.#proto.input.with(index, name) });
  }

  /** Another operator with the same name and outputs. */
  replace(opType: string, input: readonly string[]): void {
    this.#proto = changed(this.#proto, { opType, input: [...input], attribute: [] });
  }

  /** The name of a list that is written into the graph. */
  integers(values: readonly number[]): string {
    return this.#flow.integers(values);
  }

  /** Repeats an input that is the same for all pictures, so that it has as many of itself along `batch.axis` as there are pictures. */
  repeat(index: number, batch: BatchAxis): void {
    const sizes = this.sizes(index);
    const own = sizes?.[batch.axis];
    if (this.count !== 1 || batch.outer !== 1 || own !== batch.inner) {
      this.refuse(
        `has a constant input that would have to be repeated for each picture, along axis ${batch.axis} of ${describeSizes(sizes)}`,
      );
    }
    const repeats = (sizes as readonly unknown[]).map(() => 1);
    this.setInput(index, this.#flow.tiled(this.#proto.input[index] as string, this.#flow.growingList(repeats, batch.axis, 1)));
  }

  /**
   * Where pictures lie in inputs that must have the same sizes there: all in the same place. Inputs without pictures are repeated for each of them.
   */
  together(indices: readonly number[]): BatchAxis {
    const batches = this.batched;
    if (!batches.every(({ index }) => indices.includes(index)))
      this.refuse('takes pictures where it is known with constants only');
    const { batch } = batches[0] as (typeof batches)[number];
    if (!batches.every((one) => isSame(one.batch, batch)))
      this.refuse('has inputs in which the pictures lie in different places');
    for (const index of indices) {
      if (this.input(index) !== undefined && this.batch(index) === undefined) this.repeat(index, batch);
    }
    return batch;
  }

  /**
   * Where pictures lie in the result of broadcasting over the first axes of inputs, so many of each. Inputs without pictures stretch along with
   * them by themselves where their size is 1.
   */
  broadcast(inputs: readonly { readonly index: number; readonly rank: number }[]): BatchAxis {
    const most = Math.max(...inputs.map(({ rank }) => rank));
    const places = inputs.flatMap(({ index, rank }) => {
      const batch = this.batch(index);
      return batch === undefined ? [] : [{ ...batch, axis: batch.axis + most - rank }];
    });
    const place = places[0] as BatchAxis;
    if (!places.every((other) => isSame(other, place))) this.refuse('has inputs in which the pictures lie in different places');
    for (const { index, rank } of inputs) {
      const axis = place.axis - (most - rank);
      if (this.batch(index) !== undefined || axis < 0 || this.sizes(index)?.[axis] === 1) continue;
      if (place.inner === 1)
        this.refuse(`has an input with sizes ${describeSizes(this.sizes(index))}, which do not go with any batch`);
      this.repeat(index, { ...place, axis });
    }
    return place;
  }

  /** Refuses an input that has more than one element. */
  checkSingle(index: number): void {
    if (this.input(index) === undefined || product(this.sizes(index)) === 1) return;
    this.refuse('has scales or zero points for each row');
  }

  refuse(reason: string): never {
    throw refusal(this.#proto, reason);
  }

  #unknown(index: number): never {
    return this.refuse(`has a list (input ${index}) that is known only when the model runs`);
  }
}

/** A model whose batch cannot be freed, and the node that is why. */
export function refusal({ opType, name, output }: NodeProto, reason: string): ModelError {
  const label = name === '' ? `${opType}, which makes ${JSON.stringify(output[0] ?? '')},` : `${opType} ${JSON.stringify(name)}`;
  return new ModelError('MODEL_UNSUPPORTED', {
    message: `Expected a model whose batch can be freed but ${label} ${reason}`,
    hint: 'Export the model with a free batch axis (`dynamic_axes` of torch.onnx.export), or run it with the batch that it has.',
    details: { node: name, operator: opType, reason },
  });
}

function describeSizes(sizes: Sizes): string {
  return sizes === null ? 'unknown sizes' : `[${sizes.map((size) => size ?? '?').join(', ')}]`;
}
