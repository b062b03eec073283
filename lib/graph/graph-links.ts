import type { GraphProto, NodeProto, TensorProto } from './onnx_pb.js';
import { readBy } from './passes/names.js';

/** Who makes and who reads each value of a graph: what passes ask that look beyond one node. A snapshot: a changed graph needs new links. */
export class GraphLinks {
  readonly #producers = new Map<string, NodeProto>();
  readonly #consumers = new Map<string, NodeProto[]>();
  readonly #initializers: ReadonlyMap<string, TensorProto>;
  readonly #outputs: ReadonlySet<string>;

  constructor({ node, initializer, output }: GraphProto) {
    this.#initializers = new Map(initializer.map((tensor) => [tensor.name, tensor]));
    this.#outputs = new Set(output.map(({ name }) => name));
    for (const one of node) {
      for (const name of one.output) if (name !== '') this.#producers.set(name, one);
      for (const name of new Set(readBy(one))) {
        const known = this.#consumers.get(name);
        if (known === undefined) this.#consumers.set(name, [one]);
        else known.push(one);
      }
    }
  }

  /** The node that makes a value; undefined for inputs and initializers. */
  producer(value: string): NodeProto | undefined {
    return this.#producers.get(value);
  }

  /** Nodes that read a value, each once, in the order of the graph; a node counts whose subgraphs read it. */
  consumers(value: string): readonly NodeProto[] {
    return this.#consumers.get(value) ?? [];
  }

  initializer(value: string): TensorProto | undefined {
    return this.#initializers.get(value);
  }

  isOutput(value: string): boolean {
    return this.#outputs.has(value);
  }
}
