/** What a graph looks like to a quantiser: pure reading, no numbers of any tensor but those of constants. */
import { ModelError } from '../errors/index.js';
import {
  changed,
  GraphLinks,
  readWithin,
  sizesOfValues,
  sortTopologically,
  soundModel,
  type ModelProto,
  type OnnxNode,
  type OnnxTensor,
  type Sizes,
  type ValueInfo,
} from '../graph/index.js';
import { activationOf, siluInput } from './activation.js';
import type { RangeActivation } from './range.js';

/**
 * What a node is to a quantiser. `product`: multiplies with constant weights. `carry`: hands elements on as they are, or some of them. `join`: puts values
 * together. `average`: of elements of one value. `activation`: a function of each element. `float`: all else, for which there are no integer kernels.
 */
export type NodeKind = 'product' | 'carry' | 'join' | 'average' | 'activation' | 'float';

/** Of which node a value is an activation, and of what. */
export interface Activated {
  readonly input: string;
  readonly activation: RangeActivation;
}

const carriers = new Set('MaxPool Reshape Transpose Split Slice Flatten Squeeze Unsqueeze DepthToSpace SpaceToDepth'.split(' '));
const averages = new Set(['AveragePool', 'GlobalAveragePool']);

/** Products with fewer weights are arithmetic of a head, such as the expectation over a distribution (16 bins), not layers. */
const leastWeights = 33;

export class Structure {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly string[];
  readonly outputs: readonly ValueInfo[];
  readonly links: GraphLinks;
  readonly sizes: ReadonlyMap<string, Sizes>;
  readonly #constants: ReadonlyMap<string, OnnxTensor>;
  readonly #byProto: ReadonlyMap<unknown, OnnxNode>;
  readonly #kinds: ReadonlyMap<OnnxNode, NodeKind>;
  readonly #tail: ReadonlySet<OnnxNode>;

  /** Nodes come in an order in which they can run. Throws MODEL_INVALID, MODEL_UNSUPPORTED for a model that passes cannot change. */
  constructor(model: ModelProto) {
    const sorted = model.graph && sortTopologically(model.graph);
    const { graph, model: read } = soundModel(sorted === model.graph ? model : changed(model, { graph: sorted }));
    this.nodes = read.graph.nodes;
    this.inputs = read.graph.inputs.filter(({ dtype }) => dtype === 'float32').map(({ name }) => name);
    this.outputs = read.graph.outputs;
    this.links = new GraphLinks(graph);
    this.sizes = sizesOfValues(read.graph).sizes;
    this.#constants = read.graph.initializers;
    this.#byProto = new Map(this.nodes.map((node) => [node.proto, node]));
    this.#kinds = new Map(this.nodes.map((node) => [node, this.#kind(node)]));
    this.#tail = this.#findTail();
  }

  /** Throws MODEL_UNSUPPORTED for a model without a product. */
  checkLayers(): void {
    if (this.nodes.some((node) => this.kind(node) === 'product')) return;
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: 'The model has no layer that can be quantised: no convolution or matrix product with constant weights of float32',
      hint: 'Give the FP32 export of the model: half precision and integers are what is made of it.',
    });
  }

  kind(node: OnnxNode): NodeKind {
    return this.#kinds.get(node) ?? 'float';
  }

  constant(value: string): OnnxTensor | undefined {
    return this.#constants.get(value);
  }

  producer(value: string): OnnxNode | undefined {
    return this.#byProto.get(this.links.producer(value)) as OnnxNode | undefined;
  }

  consumers(value: string): readonly OnnxNode[] {
    return this.links.consumers(value).map((proto) => this.#byProto.get(proto) as OnnxNode);
  }

  /**
   * Whether a node lies behind the last products: what is met on the way back from the outputs to the first product. It stays float: there boxes, scores
   * and offsets of different size come together, and hardly any time is spent.
   */
  isTail(node: OnnxNode): boolean {
    return this.#tail.has(node);
  }

  /** Whether something sees a value under its name: a caller, or a graph within a node. */
  isNamed(value: string): boolean {
    return this.links.isOutput(value) || this.links.consumers(value).some((node) => readWithin(node).includes(value));
  }

  /** The values that a node computes with: inputs that are neither constants nor left out, nor lists such as a shape. */
  activationInputs(node: OnnxNode): readonly string[] {
    const first = this.kind(node) === 'join' ? node.inputs : node.inputs.slice(0, 1);
    return [...new Set(first.filter((name) => name !== '' && !this.#constants.has(name)))];
  }

  /** Weights of a product, and the axis of its output channels in them. */
  weights(node: OnnxNode): { readonly tensor: OnnxTensor; readonly axis: number } {
    const tensor = this.#constants.get(node.inputs[1] ?? '') as OnnxTensor;
    const isTransposed = node.opType === 'Gemm' && node.attributes.get('transB') === 1;
    return { tensor, axis: node.opType === 'Conv' || isTransposed ? 0 : 1 };
  }

  /** With constant weights, of one group: those of its output channels lie on axis 1. */
  isTransposedConvolution(node: OnnxNode): boolean {
    const weights = this.#constants.get(node.inputs[1] ?? '');
    const isOneGroup = (node.attributes.get('group') ?? 1) === 1;
    return node.opType === 'ConvTranspose' && node.domain === '' && weights?.dtype === 'float32' && isOneGroup;
  }

  /** Whether it has weights that can be stored in eight bits. */
  isLayer(node: OnnxNode): boolean {
    return this.kind(node) === 'product' || this.isTransposedConvolution(node);
  }

  isDepthwise(node: OnnxNode): boolean {
    const group = node.attributes.get('group');
    return node.opType === 'Conv' && typeof group === 'number' && group > 1 && this.weights(node).tensor.dims[1] === 1;
  }

  /** Channels that one output element of a convolution sees. */
  inputChannels(node: OnnxNode): number {
    const { tensor, axis } = this.weights(node);
    return tensor.dims[1 - axis] ?? 1;
  }

  /** Multiply-accumulates of a product, or of a transposed convolution, for each of a batch that is free; 0 where sizes are not known. */
  macs(node: OnnxNode): number {
    const { tensor, axis } = this.weights(node);
    // One kernel makes each element of the output; in a transposed convolution each of the input is spread by one.
    const isSpread = node.opType === 'ConvTranspose';
    const sizes = this.sizes.get((isSpread ? node.inputs : node.outputs)[0] as string) ?? null;
    if (sizes === null) return 0;
    const places = sizes.reduce<number>((total, size, at) => total * (size ?? (at === 0 ? 1 : 0)), 1);
    return (places * tensor.elementCount) / (tensor.dims[isSpread ? 0 : axis] as number);
  }

  /** Of all layers. */
  get allMacs(): number {
    return this.nodes.reduce((sum, node) => sum + (this.isLayer(node) ? this.macs(node) : 0), 0);
  }

  /** How many all layers have. */
  get allWeights(): number {
    return this.nodes.reduce((sum, node) => sum + (this.isLayer(node) ? this.weights(node).tensor.elementCount : 0), 0);
  }

  /** Elements of a constant. */
  floats(constant: string): Float32Array {
    return this.#constants.get(constant)?.data as Float32Array;
  }

  /** What a value is an activation of: SiLU of two nodes, or one of one. */
  activated(value: string): Activated | undefined {
    const node = this.producer(value);
    if (node === undefined) return undefined;
    const x = siluInput(node, (name) => this.producer(name));
    if (x !== undefined) return { input: x, activation: { name: 'silu' } };
    const activation = activationOf(node, (name) => this.#constants.get(name));
    return activation && { input: node.inputs[0] as string, activation };
  }

  #kind(node: OnnxNode): NodeKind {
    if (node.domain !== '') return 'float';
    const [first = '', second = ''] = node.inputs;
    switch (node.opType) {
      case 'Conv':
      case 'Gemm':
      case 'MatMul': {
        const weights = this.#constants.get(second);
        const isLayer = weights?.dtype === 'float32' && !this.#constants.has(first) && weights.elementCount >= leastWeights;
        if (!isLayer || (node.opType === 'Gemm' && !isPlainGemm(node)) || (node.opType === 'MatMul' && weights.dims.length !== 2))
          return 'float';
        return this.#hasBiasOfChannels(node) ? 'product' : 'float';
      }
      case 'Add':
      case 'Mul':
      case 'Concat':
        return node.inputs.every((name) => !this.#constants.has(name)) ? 'join' : 'float';
      case 'Resize':
        return node.attributes.get('mode') === 'nearest' || !node.attributes.has('mode') ? 'carry' : 'average';
    }
    // MaxPool may tell places besides, which are no numbers to quantise.
    const isWhole = node.opType === 'MaxPool' ? (node.outputs[1] ?? '') === '' : !node.outputs.includes('');
    if (carriers.has(node.opType)) return isWhole ? 'carry' : 'float';
    if (averages.has(node.opType)) return 'average';
    return activationOf(node, (name) => this.#constants.get(name)) === undefined ? 'float' : 'activation';
  }

  /** A bias that is left out, or one constant for each output channel. */
  #hasBiasOfChannels(node: OnnxNode): boolean {
    const [, , name = ''] = node.inputs;
    if (name === '') return true;
    const { tensor, axis } = this.weights(node);
    const bias = this.#constants.get(name);
    const channels = tensor.dims[axis];
    return bias?.dtype === 'float32' && bias.elementCount === channels && bias.dims.at(-1) === channels;
  }

  #findTail(): ReadonlySet<OnnxNode> {
    const tail = new Set<OnnxNode>();
    const waiting = this.outputs.map(({ name }) => name);
    for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
      const node = this.producer(value);
      if (node === undefined || tail.has(node) || this.kind(node) === 'product') continue;
      tail.add(node);
      waiting.push(...node.inputs);
    }
    // A node of the tail that products read from again belongs to the body: the path to the output then begins behind it.
    const feeding = this.#feedingProducts();
    return new Set([...tail].filter((node) => !feeding.has(node)));
  }

  /** The nodes before any product. */
  #feedingProducts(): ReadonlySet<OnnxNode> {
    const feeding = new Set<OnnxNode>();
    for (const node of this.nodes.toReversed()) {
      const readers = node.outputs.flatMap((value) => this.consumers(value));
      if (readers.some((reader) => this.kind(reader) === 'product' || feeding.has(reader))) feeding.add(node);
    }
    return feeding;
  }
}

function isPlainGemm({ attributes }: OnnxNode): boolean {
  const isOne = (name: string): boolean => (attributes.get(name) ?? 1) === 1;
  return isOne('alpha') && isOne('beta') && (attributes.get('transA') ?? 0) === 0;
}
