import { changed, readBy, type GraphProto, type ModelProto, type NodeProto, type OnnxNode } from '../graph/index.js';
import type { FormPlan } from './form-plan.js';
import { exactBias, type LayerWeights } from './layer-weights.js';
import { QdqWriter, type Quantization } from './qdq-writer.js';
import type { Structure } from './structure.js';

/** Numbers for a plan. */
export interface FormNumbers {
  /** Of every value that is quantised. */
  readonly values: ReadonlyMap<string, Quantization>;
  /** Of every product that is computed in eight bits, or stored so. */
  readonly weights: ReadonlyMap<OnnxNode, LayerWeights>;
  /** Of products that have others than in the model, as floats. */
  readonly biases?: ReadonlyMap<OnnxNode, Float32Array> | undefined;
}

const withBias = new Set(['Conv', 'ConvTranspose', 'Gemm']);

/** Writes the form for ONNX Runtime: see `planOnnxRuntime`. */
export function writeOnnxRuntimeForm(model: ModelProto, structure: Structure, plan: FormPlan, numbers: FormNumbers): ModelProto {
  const graph = model.graph as GraphProto;
  return changed(model, { graph: new OnnxRuntimeForm(graph, structure, plan, numbers).write() });
}

class OnnxRuntimeForm {
  readonly #graph: GraphProto;
  readonly #structure: Structure;
  readonly #plan: FormPlan;
  readonly #numbers: FormNumbers;
  readonly #writer: QdqWriter;
  /** Name of the integers of every value that is quantised. */
  readonly #integers = new Map<string, string>();

  constructor(graph: GraphProto, structure: Structure, plan: FormPlan, numbers: FormNumbers) {
    this.#graph = graph;
    this.#structure = structure;
    this.#plan = plan;
    this.#numbers = numbers;
    this.#writer = new QdqWriter(graph);
  }

  write(): GraphProto {
    for (const value of this.#structure.inputs) if (this.#plan.quantized.has(value)) this.#quantize(value, value);
    for (const node of this.#structure.nodes) {
      if (!this.#plan.absorbed.has(node)) this.#write(node);
      else if (this.#integers.has(node.inputs[0] as string)) this.#absorb(node, this.#read(node.inputs[0] as string));
    }
    const { initializer, valueInfo } = this.#graph;
    const made = new Set(this.#writer.nodes.flatMap(({ output }) => output));
    const read = new Set([...this.#writer.nodes.flatMap(readBy), ...this.#graph.output.map(({ name }) => name)]);
    return changed(this.#graph, {
      node: this.#writer.nodes,
      initializer: [...initializer.filter(({ name }) => read.has(name)), ...this.#writer.initializers],
      valueInfo: valueInfo.filter(({ name }) => made.has(name)),
    });
  }

  #write(node: OnnxNode): void {
    const { proto } = node;
    const isInteger = this.#plan.int8.has(node);
    const values = new Set(this.#structure.activationInputs(node));
    const input = proto.input.map((name) =>
      this.#plan.quantized.has(name) && (values.has(name) || !isInteger) ? this.#readBy(name, isInteger) : name,
    );
    const stored = this.#plan.storedInt8.has(node) ? this.#numbers.weights.get(node) : undefined;
    if (stored !== undefined) input[1] = this.#writer.weights(node.inputs[1] as string, stored);
    if (isInteger && this.#structure.kind(node) === 'product') this.#writeProduct(node, input);
    else this.#push(this.#needsSentinel(node, input) ? this.#withSentinel(node, input) : changed(proto, { input }));
  }

  #writeProduct(node: OnnxNode, input: string[]): void {
    const weights = this.#numbers.weights.get(node) as LayerWeights;
    const quantization = this.#numbers.values.get(node.inputs[0] as string) as Quantization;
    const [, name = '', bias = ''] = node.inputs;
    input[1] = this.#writer.weights(name, weights);
    if (weights.bias !== undefined) {
      // As float32 multiplies: the bias counts in steps of just this product.
      const scales = weights.scales.map((scale) => scale * Math.fround(quantization.scale));
      input[2] = this.#writer.bias(bias === '' ? `${name}/bias` : bias, weights.bias, scales);
    }
    this.#push(changed(node.proto, { input }));
  }

  /** Adds a node, and the integers of what it makes. */
  #push(node: NodeProto): void {
    const isInteger = node.output.some((name) => this.#isMadeInIntegers(name));
    // What an integer kernel makes is seen by QuantizeLinear alone: for those that see it under its name it is dequantised again.
    const output = node.output.map((name) =>
      isInteger && this.#structure.isNamed(name) ? this.#writer.fresh(`${name}/float`) : name,
    );
    this.#writer.nodes.push(changed(node, { output }));
    node.output.forEach((name, index) => {
      if (name === '') return;
      const made = output[index] as string;
      if (this.#plan.quantized.has(name)) this.#quantize(name, made);
      else {
        const [reader] = this.#structure.consumers(name);
        if (reader !== undefined && this.#plan.absorbed.has(reader)) this.#absorb(reader, made);
      }
      if (made !== name) this.#name(name);
    });
  }

  #quantize(name: string, made: string): void {
    this.#integers.set(name, this.#writer.quantize(made, name, this.#numbers.values.get(name) as Quantization));
  }

  /** The output of an activation, quantised straight from what it would clip. */
  #absorb(node: OnnxNode, input: string): void {
    const [output = ''] = node.outputs;
    this.#quantize(output, input);
    if (this.#structure.isNamed(output)) this.#name(output);
  }

  /** Dequantises a value for those that see it under its name: callers, and graphs within nodes. */
  #name(name: string): void {
    this.#writer.dequantize(this.#integers.get(name) as string, name, this.#numbers.values.get(name) as Quantization, true);
  }

  /** A reader of integers has a DequantizeLinear of its own; a float one takes what a float node made as it is. */
  #readBy(name: string, isInteger: boolean): string {
    return isInteger || this.#isMadeInIntegers(name) ? this.#read(name) : name;
  }

  #read(name: string): string {
    return this.#writer.dequantize(this.#integers.get(name) as string, name, this.#numbers.values.get(name) as Quantization);
  }

  #isMadeInIntegers(name: string): boolean {
    const producer = this.#structure.producer(name);
    return producer !== undefined && (this.#plan.int8.has(producer) || this.#plan.absorbed.has(producer));
  }

  /**
   * ONNX Runtime quantises the weights of a float product by itself, with one scale for all channels, where it lies between DequantizeLinear and QuantizeLinear.
   * It leaves those alone whose bias is dequantised.
   */
  #needsSentinel(node: OnnxNode, input: readonly string[]): boolean {
    return node.domain === '' && withBias.has(node.opType) && input[0] !== node.inputs[0];
  }

  #withSentinel(node: OnnxNode, input: readonly string[]): NodeProto {
    const [, weights = '', bias = ''] = node.inputs;
    const tensor = this.#structure.constant(weights);
    const given = bias === '' ? undefined : this.#structure.constant(bias);
    if (tensor === undefined || (bias !== '' && given?.dtype !== 'float32')) return changed(node.proto, { input: [...input] });
    const group = node.attributes.get('group');
    const channels =
      node.opType === 'ConvTranspose'
        ? (tensor.dims[1] as number) * (typeof group === 'number' ? group : 1)
        : (tensor.dims[this.#structure.weights(node).axis] as number);
    const { values, scale } = exactBias(given === undefined ? new Float32Array(channels) : this.#structure.floats(bias));
    const name = bias === '' ? `${weights}/bias` : bias;
    return changed(node.proto, {
      input: [input[0] as string, input[1] as string, this.#writer.bias(name, values, Float32Array.of(scale), given?.dims)],
    });
  }
}
