import type { ModelProto } from '../graph/index.js';
import {
  InputProducts,
  roundWeights,
  tappedModel,
  type RoundedLayer,
  type Structure,
  type WeightsToRound,
} from '../precision/index.js';
import type { Session } from '../session/index.js';
import type { Tensor } from '../tensor/index.js';
import { measuringSession } from './measuring-session.js';
import type { PlannedForm, Quantizer } from './quantizer.js';
import { settleAll } from './settle-all.js';

/** What values that are looked at in one run and sums of their products take together, in bytes; the matrix that one layer is rounded by comes to it. */
const mostBytes = 96 * 2 ** 20;

/**
 * Rounds the weights of forms together, by what their layers read in some samples, as float as in the model up to there: by their keys. Layers of whose input nothing is
 * known, as it has NaN, are left out, and those whose sums would take more memory. Rejects as `createSession`, ENGINE_FAILED, ABORTED.
 */
export async function roundForms(
  model: ModelProto,
  quantizer: Quantizer,
  forms: readonly PlannedForm[],
  samples: readonly Tensor[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Int8Array>> {
  const { structure } = quantizer;
  const all = new Map(forms.flatMap((form) => quantizer.weightsToRound(form)).map((one) => [one.key, one]));
  const rounded = new Map<string, Int8Array>();
  for (const batch of batchesOf(structure, [...all.values()].filter(isAffordable))) {
    const products = new Map(batch.flatMap(({ layers }) => layers).map((layer) => [layer, new InputProducts(layer.input)]));
    try {
      await addProducts(model, structure, products, samples, signal);
      // One after the other: each has a matrix of its own meanwhile.
      for (const { key, layers, data, weights } of batch) {
        const own = layers.map((layer) => products.get(layer) as InputProducts);
        const values = await roundWeights(data, weights.dims, weights.axis, weights.scales, own, signal);
        if (values !== undefined) rounded.set(key, values);
      }
    } finally {
      for (const sums of products.values()) sums[Symbol.dispose]();
    }
  }
  return rounded;
}

/** Groups of channels have sums of their own. */
function isAffordable({ layers }: WeightsToRound): boolean {
  return layers.every(({ input }) => InputProducts.bytes(input) <= mostBytes);
}

/** In the order of the graph, so that forms that read a value look at it in one run. */
function batchesOf(structure: Structure, all: readonly WeightsToRound[]): WeightsToRound[][] {
  const place = new Map(structure.nodes.map((node, at) => [node, at]));
  const placeOf = ({ layers: [first] }: WeightsToRound): number => place.get(first!.node) as number;
  const batches: WeightsToRound[][] = [];
  let bytes = Infinity;
  const seen = new Set<string>();
  for (const one of all.toSorted((a, b) => placeOf(a) - placeOf(b))) {
    const sums = one.layers.reduce((sum, { input }) => sum + InputProducts.bytes(input), 0);
    const values = new Set(one.layers.map(({ value }) => value));
    const own = (): number =>
      sums + [...values].reduce((sum, value) => sum + (seen.has(value) ? 0 : bytesOf(structure, value)), 0);
    if (bytes + own() > mostBytes) {
      batches.push([]);
      bytes = 0;
      seen.clear();
    }
    bytes += own();
    for (const value of values) seen.add(value);
    batches.at(-1)!.push(one);
  }
  return batches;
}

/** Of one whose size only a run tells, as much as there may be: it is looked at by itself. */
function bytesOf(structure: Structure, value: string): number {
  const sizes = structure.sizes.get(value);
  return (sizes ?? [null, null]).reduce<number>((bytes, size, at) => bytes * (size ?? (at === 0 ? 1 : mostBytes)), 4);
}

/** Adds up what the layers of a batch read. */
async function addProducts(
  model: ModelProto,
  structure: Structure,
  products: ReadonlyMap<RoundedLayer, InputProducts>,
  samples: readonly Tensor[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const values = new Set([...products.keys()].map(({ value }) => value));
  const names = [...values].filter((value) => !structure.inputs.includes(value));
  await using session = await measuringSession(tappedModel(model, names), { lanes: 1, signal });
  const [{ name: input }] = session.inputs as [Session['inputs'][number]];
  // One after the other, so that the values of one alone are there.
  for (const [picture, sample] of samples.entries()) {
    using run = names.length === 0 ? undefined : await session.run({ [input]: sample }, { outputs: names, signal });
    await settleAll([...products].map(([{ value }, sums]) => sums.add(run?.outputs[value] ?? sample, picture, signal)));
  }
}
