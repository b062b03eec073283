import { setImmediate } from 'node:timers/promises';
import { aborted } from '../binding/index.js';
import type { OnnxNode } from '../graph/index.js';
import { leastStoredWeights } from './form-plan.js';
import { int4Weights, type Int4Weights } from './int4-weights.js';
import type { Structure } from './structure.js';
import type { Trial } from './trials.js';

/** Which layers can have weights of four bits, and which of eight. */
export interface Int4Plan {
  readonly int4: ReadonlyMap<OnnxNode, Int4Weights>;
  readonly int8: ReadonlySet<OnnxNode>;
  /** Why a layer has no weights of four bits. */
  readonly reasons: ReadonlyMap<OnnxNode, string>;
}

/** A layer with fewer weights is not worth the node that dequantises them. */
const fewestStored = 1024;

/** All products in four bits, but those with few of all weights, which have eight, as they save little, and so have those of which there are no whole blocks. Rejects with ABORTED. */
export async function planInt4(structure: Structure, signal?: AbortSignal): Promise<Int4Plan> {
  const int4 = new Map<OnnxNode, Int4Weights>();
  const int8 = new Set<OnnxNode>();
  const reasons = new Map<OnnxNode, string>();
  const layers = structure.nodes.filter((node) => structure.isLayer(node));
  const least = leastStoredWeights(structure);
  for (const node of layers) {
    const { tensor, axis } = structure.weights(node);
    const isLarge = tensor.elementCount >= least;
    const mayBe = isLarge && structure.kind(node) === 'product';
    // Others have their turn between layers.
    await setImmediate();
    if (signal?.aborted) throw aborted(signal);
    const weights = mayBe ? int4Weights(tensor.data as Float32Array, tensor.dims, axis) : undefined;
    if (weights !== undefined) int4.set(node, weights);
    else if (tensor.elementCount < fewestStored) reasons.set(node, 'few weights');
    else {
      int8.add(node);
      reasons.set(node, isLarge ? 'no whole blocks of weights' : 'few of all weights');
    }
  }
  return { int4, int8, reasons };
}

/** The weights of each layer in four bits, alone. Layers that share them are tried together. */
export function int4Trials(structure: Structure, { int4 }: Int4Plan): Trial[] {
  const trials = new Map<string, Trial>();
  for (const [node, weights] of int4) {
    const [, value = ''] = node.inputs;
    const macs = structure.macs(node) + (trials.get(value)?.macs ?? 0);
    trials.set(value, { value, values: new Map([[value, weights]]), macs, weights: weights.values.length });
  }
  return [...trials.values()];
}
