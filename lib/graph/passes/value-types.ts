import { create } from '@bufbuild/protobuf';
import { ModelError } from '../../errors/index.js';
import { GraphLinks } from '../graph-links.js';
import { OnnxGraph } from '../onnx-graph.js';
import { TypeProtoSchema, ValueInfoProtoSchema, type GraphProto, type TypeProto, type ValueInfoProto } from '../onnx_pb.js';
import { inferredElementType } from '../operator-types.js';
import type { Sizes } from '../shape-rule.js';
import { valueInfo } from '../value-info.js';
import { fixedSizes } from '../value-sizes.js';

/** What is known of the types of a graph's values: declared, or following from their operators. */
export class ValueTypes {
  readonly #declared = new Map<string, ValueInfoProto>();
  readonly #links: GraphLinks;
  readonly #graph: GraphProto;
  #sizes: ReadonlyMap<string, Sizes> | undefined;

  constructor(graph: GraphProto) {
    this.#graph = graph;
    this.#links = new GraphLinks(graph);
    for (const value of [...graph.valueInfo, ...graph.input, ...graph.output]) {
      if (value.type?.value.case !== undefined) this.#declared.set(value.name, value);
    }
  }

  /** Names of all values that nodes make, and of inputs and initializers. */
  get names(): readonly string[] {
    const { node, input, initializer } = this.#graph;
    const made = node.flatMap(({ output }) => output).filter((name) => name !== '');
    return [...new Set([...made, ...input.map(({ name }) => name), ...initializer.map(({ name }) => name)])];
  }

  /** A value as an input or output has to declare it: with its type, and the sizes that are the same whatever the batch, where at least their number is known. Throws MODEL_UNSUPPORTED where that cannot be told, MODEL_INVALID where it is damaged. */
  valueOf(name: string): ValueInfoProto {
    const declared = this.#declared.get(name);
    if (declared !== undefined) {
      // What nobody has asked for yet may be damaged.
      const { kind, shape } = valueInfo(declared);
      const type = declared.type?.value;
      const isWhole = kind !== 'tensor' || type?.case !== 'tensorType' || shape !== null || this.#shapeOf(name) === undefined;
      return isWhole ? declared : typed(name, type.value.elemType, this.#shapeOf(name));
    }
    const tensor = this.#links.initializer(name);
    if (tensor !== undefined) return typed(name, tensor.dataType, tensor.dims.map(Number));
    const elementType = inferredElementType(this.#links, (other) => this.#declared.get(other)?.type, name);
    if (elementType !== undefined) return typed(name, elementType, this.#shapeOf(name));
    const producer = this.#links.producer(name);
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: `Expected a value whose type is known but that of ${JSON.stringify(name)}, which ${producer?.opType ?? 'nothing'} makes, is not declared and does not follow`,
      hint: 'Run the shape inference of ONNX over the model first: it declares the type of every value.',
      details: { name },
    });
  }

  #shapeOf(name: string): readonly (number | null)[] | undefined {
    this.#sizes ??= fixedSizes(new OnnxGraph(this.#graph, undefined));
    return this.#sizes.get(name) ?? undefined;
  }
}

/** A tensor of that type (a DataType), of which nothing else is known where there is no shape. */
export function typed(name: string, elemType: number, shape?: readonly (number | string | null)[]): ValueInfoProto {
  const dim = shape?.map((size) => {
    if (typeof size === 'number') return { value: { case: 'dimValue' as const, value: BigInt(size) } };
    return size === null ? {} : { value: { case: 'dimParam' as const, value: size } };
  });
  const type: TypeProto = create(TypeProtoSchema, {
    value: { case: 'tensorType', value: { elemType, ...(dim && { shape: { dim } }) } },
  });
  return create(ValueInfoProtoSchema, { name, type });
}
