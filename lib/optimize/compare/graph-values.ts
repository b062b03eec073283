import type { OnnxGraph, OnnxNode, OnnxTensor } from '../../graph/index.js';
import { readBy } from '../../graph/passes/names.js';

/** A value that a graph makes of its inputs. */
export interface GraphValue {
  readonly name: string;
  readonly node: OnnxNode;
  /** Which of the node's outputs it is. */
  readonly output: number;
}

/** A graph as a comparison looks at it: what follows from its inputs, in topological order. */
export class GraphValues {
  readonly graph: OnnxGraph;
  /** By name. What follows from constants alone, and what nobody reads, is left out. */
  readonly values: ReadonlyMap<string, GraphValue>;
  readonly #fed: ReadonlySet<string>;
  readonly #consumers = new Map<string, OnnxNode[]>();

  constructor(graph: OnnxGraph) {
    this.graph = graph;
    const fed = new Set(graph.inputs.map(({ name }) => name));
    const read = new Set(graph.outputs.map(({ name }) => name));
    for (const { proto } of graph.nodes) for (const name of readBy(proto)) read.add(name);
    const values = new Map<string, GraphValue>();
    for (const node of graph.nodes) {
      const inputs = new Set(readBy(node.proto));
      if (![...inputs].some((name) => fed.has(name))) continue;
      node.outputs.forEach((name, output) => {
        if (name === '') return;
        fed.add(name);
        if (read.has(name)) values.set(name, { name, node, output });
      });
      for (const name of inputs) {
        const known = this.#consumers.get(name);
        if (known === undefined) this.#consumers.set(name, [node]);
        else known.push(node);
      }
    }
    this.values = values;
    this.#fed = fed;
  }

  /** Whether a value follows from an input, or is one. */
  isFed(name: string): boolean {
    return this.#fed.has(name);
  }

  /** The inputs of a node that follow from inputs of the graph, in their order. */
  fedInputs(node: OnnxNode): string[] {
    return [...new Set(readBy(node.proto))].filter((name) => this.#fed.has(name));
  }

  /** Nodes that read a value and follow from inputs, in topological order. */
  consumers(value: string): readonly OnnxNode[] {
    return this.#consumers.get(value) ?? [];
  }

  /** The constants that a node reads from the graph, in their order. */
  weights(node: OnnxNode): OnnxTensor[] {
    return node.inputs.flatMap((name) => this.graph.initializers.get(name) ?? []);
  }
}

/** Operators that change how a value is stored, not what it stands for. */
export function isQuantizing({ opType }: OnnxNode): boolean {
  return opType === 'QuantizeLinear' || opType === 'DequantizeLinear' || opType === 'DynamicQuantizeLinear';
}

const quantizedOperators = /^(?:QLinear|QGemm|DynamicQuantize|MatMulInteger|ConvInteger|QuantizeLinear|DequantizeLinear)/;

/** Whether any node of a graph computes with integers in place of floats, or simulates it. */
export function isQuantized({ nodes }: OnnxGraph): boolean {
  return nodes.some(({ opType }) => quantizedOperators.test(opType));
}
