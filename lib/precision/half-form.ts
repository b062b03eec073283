import { create } from '@bufbuild/protobuf';

import {
  changed,
  DataType,
  FreshNames,
  madeNode,
  readBy,
  TensorProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type OnnxNode,
  type TensorProto,
} from '../graph/index.js';
import type { FloatValues } from './float-values.js';
import { halfBits, type HalfPlan, type HalfType } from './plan-half.js';

export const halfDataTypes: Readonly<Record<HalfType, DataType>> = { float16: DataType.FLOAT16, bfloat16: DataType.BFLOAT16 };

/**
 * Writes a model in half precision: weights in 16 bits, and a Cast where a node of the plan reads what another makes in float32, and the other way round. Inputs and
 * outputs keep their types. `model` is the one that `values` is of.
 */
export function writeHalfForm(model: ModelProto, values: FloatValues, plan: HalfPlan): ModelProto {
  return changed(model, { graph: new HalfForm(model.graph as GraphProto, values, plan).write() });
}

class HalfForm {
  readonly #graph: GraphProto;
  readonly #values: FloatValues;
  readonly #plan: HalfPlan;
  readonly #names: FreshNames;
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  /** Names under which a value is there in half precision, and in float32. */
  readonly #half = new Map<string, string>();
  readonly #float = new Map<string, string>();

  constructor(graph: GraphProto, values: FloatValues, plan: HalfPlan) {
    this.#graph = graph;
    this.#values = values;
    this.#plan = plan;
    this.#names = new FreshNames(graph);
  }

  get #type(): DataType {
    return halfDataTypes[this.#plan.type];
  }

  write(): GraphProto {
    for (const { name } of this.#graph.input) this.#float.set(name, name);
    for (const node of this.#values.structure.nodes) this.#write(node);
    const read = new Set([...this.#nodes.flatMap(readBy), ...this.#graph.output.map(({ name }) => name)]);
    return changed(this.#graph, {
      node: this.#nodes,
      initializer: [...this.#graph.initializer.filter(({ name }) => read.has(name)), ...this.#initializers],
      // Types of most have changed, and follow.
      valueInfo: [],
    });
  }

  #write(node: OnnxNode): void {
    const isHalf = this.#plan.half.has(node);
    const input = node.inputs.map((name, at) => {
      if (!this.#values.isFloat(name)) return name;
      return isHalf && this.#values.isOperand(node, at) ? this.#asHalf(name) : this.#asFloat(name);
    });
    if (!isHalf) {
      this.#nodes.push(changed(node.proto, { input }));
      for (const name of node.outputs) if (this.#values.isFloat(name)) this.#float.set(name, name);
      return;
    }
    const output = node.outputs.map((name) =>
      this.#values.isFloat(name) && this.#values.structure.isNamed(name) ? this.#names.fresh(`${name}/${this.#plan.type}`) : name,
    );
    this.#nodes.push(changed(this.#withType(node), { input, output }));
    node.outputs.forEach((name, at) => {
      if (!this.#values.isFloat(name)) return;
      this.#half.set(name, output[at] as string);
      if (output[at] !== name) this.#cast(output[at] as string, name, DataType.FLOAT, this.#float);
    });
  }

  /** A Cast to float32 is one to half precision: what it makes is wanted so. Of what is half precision then already, ONNX Runtime refuses one. */
  #withType({ proto, opType, inputs: [read = ''], outputs: [made = ''] }: OnnxNode): NodeProto {
    const isHalf = (name: string): boolean => this.#values.isFloat(name) || this.#values.isOfType(name, this.#type);
    if (opType !== 'Cast' || !isHalf(made)) return proto;
    if (isHalf(read)) return changed(proto, { opType: 'Identity', attribute: [] });
    const to = BigInt(this.#type);
    return changed(proto, { attribute: proto.attribute.map((own) => (own.name === 'to' ? changed(own, { i: to }) : own)) });
  }

  #asHalf(name: string): string {
    const known = this.#half.get(name);
    if (known !== undefined) return known;
    const constant = this.#values.structure.constant(name);
    if (constant === undefined) {
      return this.#cast(this.#asFloat(name), this.#names.fresh(`${name}/${this.#plan.type}`), this.#type, this.#half, name);
    }
    const bits = halfBits(constant.data as Float32Array, this.#plan.type);
    const made = create(TensorProtoSchema, {
      name: this.#names.fresh(`${name}/${this.#plan.type}`),
      dataType: this.#type,
      dims: constant.dims.map(BigInt),
      rawData: new Uint8Array(bits.buffer as ArrayBuffer),
    });
    this.#initializers.push(made);
    this.#half.set(name, made.name);
    return made.name;
  }

  #asFloat(name: string): string {
    const known = this.#float.get(name);
    if (known !== undefined) return known;
    const half = this.#half.get(name);
    if (half === undefined || this.#values.structure.constant(name) !== undefined) return name;
    return this.#cast(half, this.#names.fresh(`${name}/float32`), DataType.FLOAT, this.#float, name);
  }

  #cast(from: string, to: string, type: DataType, known: Map<string, string>, name = to): string {
    const cast = madeNode('Cast', [from], to, { to: type });
    // The node that makes a named value may be called as that is.
    this.#nodes.push(to === name ? changed(cast, { name: this.#names.fresh(`${to}/Cast`) }) : cast);
    known.set(name, to);
    return to;
  }
}
