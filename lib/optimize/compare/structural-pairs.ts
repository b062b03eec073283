import type { OnnxNode, OnnxTensor } from '../../graph/index.js';
import type { GraphValues } from './graph-values.js';

/**
 * Pairs the values of two graphs that are named differently; what is not clear stays alone. From A's inputs on, paired with B's by name or place,
 * a node is paired with the one of its type that reads the counterparts and has weights of the same shapes. Where several do, the same weights tell, or that only one is left. Where that
 * comes to an end, nodes with weights are anchors: those that have the same weights, or whose type and shapes occur once in both graphs.
 */
export function pairByStructure(a: GraphValues, b: GraphValues): Map<string, string> {
  return new StructuralPairs(a, b).find();
}

class StructuralPairs {
  readonly #a: GraphValues;
  readonly #b: GraphValues;
  readonly #values = new Map<string, string>();
  readonly #nodes = new Map<OnnxNode, OnnxNode>();
  readonly #taken = new Set<OnnxNode>();

  constructor(a: GraphValues, b: GraphValues) {
    this.#a = a;
    this.#b = b;
  }

  find(): Map<string, string> {
    const inputsOfB = this.#b.graph.inputs.map(({ name }) => name);
    const sameNames = this.#a.graph.inputs.every(({ name }) => inputsOfB.includes(name));
    const inputs = this.#a.graph.inputs.map(({ name }, i) => [name, sameNames ? name : inputsOfB[i]] as const);
    for (const [name, other] of inputs) if (other !== undefined) this.#values.set(name, other);
    let before: number;
    do {
      before = this.#nodes.size;
      this.#follow();
      this.#anchor();
    } while (this.#nodes.size > before);
    for (const [name] of inputs) this.#values.delete(name);
    return this.#values;
  }

  /** Pairs nodes whose inputs are paired, in A's topological order. */
  #follow(): void {
    const seen = new Set<OnnxNode>();
    for (const { node } of this.#a.values.values()) {
      if (seen.has(node) || this.#nodes.has(node)) continue;
      seen.add(node);
      const reads = this.#a.fedInputs(node);
      if (!reads.every((name) => this.#values.has(name))) continue;
      const wanted = reads.map((name) => this.#values.get(name) as string);
      const candidates = this.#b
        .consumers(wanted[0] as string)
        .filter((other) => this.#mayBe(node, other) && sameList(this.#b.fedInputs(other), wanted));
      const rivals = this.#a
        .consumers(reads[0] as string)
        .filter((other) => !this.#nodes.has(other) && this.#signature(other, this.#a) === this.#signature(node, this.#a))
        .filter((other) => sameList(this.#a.fedInputs(other), reads));
      this.#pairClear(rivals, candidates);
    }
  }

  /** Pairs nodes with weights, wherever they are. */
  #anchor(): void {
    const groups = new Map<string, { a: OnnxNode[]; b: OnnxNode[] }>();
    const gather = (graph: GraphValues, side: 'a' | 'b'): void => {
      for (const node of new Set([...graph.values.values()].map(({ node }) => node))) {
        const isLeft = side === 'a' ? !this.#nodes.has(node) : !this.#taken.has(node);
        if (!isLeft || graph.weights(node).length === 0) continue;
        const signature = this.#signature(node, graph);
        const group = groups.get(signature) ?? { a: [], b: [] };
        group[side].push(node);
        groups.set(signature, group);
      }
    };
    gather(this.#a, 'a');
    gather(this.#b, 'b');
    for (const { a, b } of groups.values()) this.#pairClear(a, b);
  }

  /** Of nodes that look alike: those that have the same weights as one of the others alone; then what is left, where that is one of each. */
  #pairClear(a: readonly OnnxNode[], b: readonly OnnxNode[]): void {
    const left = new Set(b);
    const open: OnnxNode[] = [];
    for (const node of a) {
      const same = this.#a.weights(node).length === 0 ? [] : b.filter((other) => this.#sameWeights(node, other));
      const isOnlyOne = same.length === 1 && a.filter((rival) => this.#sameWeights(rival, same[0] as OnnxNode)).length === 1;
      if (isOnlyOne) {
        this.#pair(node, same[0] as OnnxNode);
        left.delete(same[0] as OnnxNode);
      } else {
        open.push(node);
      }
    }
    if (open.length === 1 && left.size === 1) this.#pair(open[0] as OnnxNode, [...left][0] as OnnxNode);
  }

  #pair(node: OnnxNode, other: OnnxNode): void {
    this.#nodes.set(node, other);
    this.#taken.add(other);
    node.outputs.forEach((name, i) => {
      const counterpart = other.outputs[i];
      if (this.#a.values.has(name) && counterpart !== undefined && this.#b.values.has(counterpart)) {
        this.#values.set(name, counterpart);
      }
    });
  }

  #mayBe(node: OnnxNode, other: OnnxNode): boolean {
    return !this.#taken.has(other) && this.#signature(node, this.#a) === this.#signature(other, this.#b);
  }

  /** Of shapes, those of lists are left out: they are the constants of Reshape and the like, which exporters write in their own way. */
  #signature(node: OnnxNode, graph: GraphValues): string {
    const shapes = graph.weights(node).filter(({ dims }) => dims.length > 1);
    return [node.opType, node.domain, ...shapes.map(({ dims }) => dims.join('x'))].join(' ');
  }

  #sameWeights(node: OnnxNode, other: OnnxNode): boolean {
    const [mine, theirs] = [this.#a.weights(node), this.#b.weights(other)];
    return mine.length === theirs.length && mine.every((tensor, i) => sameElements(tensor, theirs[i] as OnnxTensor));
  }
}

function sameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name, i) => name === right[i]);
}

/** Elements in other files count as different: to read them takes longer than the comparison. */
function sameElements(left: OnnxTensor, right: OnnxTensor): boolean {
  const [mine, theirs] = [left.data, right.data];
  if (mine === undefined || theirs === undefined || left.dtype !== right.dtype) return false;
  const bytes = (data: NonNullable<typeof mine>): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.compare(bytes(mine), bytes(theirs)) === 0;
}
