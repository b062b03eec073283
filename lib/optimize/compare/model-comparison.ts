import type { Agreement } from '../agreement.js';
import type { PairedBy } from './corresponding-values.js';
import type { ValueDifference } from './value-difference.js';

/** How two models differ on the same inputs. Plain data, but for numbers that JSON does not know: those it says as null. */
export interface ModelComparison {
  readonly a: ComparedModel;
  readonly b: ComparedModel;
  /** What both were run on. */
  readonly inputs: { readonly kind: 'pictures' | 'random'; readonly count: number };
  /** Of both models as they are shipped, with all that the engine optimizes. */
  readonly outputs: readonly ComparedOutput[];
  readonly layers: ComparedLayers;
  /** Of what the models find in the pictures; undefined without pictures, or where it is not clear what the models are for. */
  readonly agreement: Agreement | undefined;
  /** What was held against which limit. */
  readonly verdicts: readonly CompareVerdict[];
  /** Whether all verdicts are. */
  readonly passed: boolean;
  /** What whoever reads the numbers should know. */
  readonly notices: readonly string[];
}

export interface ComparedModel {
  readonly name: string;
  /** Whether it computes with integers, or simulates that. */
  readonly quantized: boolean;
}

/** An output of both models. */
export interface ComparedOutput {
  readonly name: string;
  /** Its name in B. */
  readonly nameInB: string;
  /** Undefined where the shapes differ: see `notices`. */
  readonly difference: ValueDifference | undefined;
}

export interface ComparedLayers {
  /** 'disabled': every node of the graph ran as it stands there. 'all': fused as shipped, so that fewer values are left to compare. */
  readonly optimization: 'disabled' | 'all';
  /** Values that both models make, in A's topological order. */
  readonly compared: readonly ComparedLayer[];
  /** The first that diverges: its signal to noise ratio is below the limit, or it is not finite in B alone. With `same`: it differs by more than the tolerance. */
  readonly firstDiverging: ComparedLayer | undefined;
  /** What was not compared, and how many values of that kind there are; with the first names. */
  readonly left: readonly LeftOut[];
}

export interface LeftOut {
  readonly reason: string;
  readonly count: number;
  readonly names: readonly string[];
}

/** One value within both models. */
export interface ComparedLayer extends ValueDifference {
  /** Its name in A. */
  readonly value: string;
  readonly valueInB: string;
  readonly pairedBy: PairedBy;
  /** A's node that makes it: its name, or that of the value where it has none, and its operator. */
  readonly node: string;
  readonly operator: string;
  /** The values that the node reads, or the nearest compared ones before them; what follows from no input is left out. */
  readonly inputs: readonly LayerInput[];
  /**
   * The share of noise that comes in here, from 0: noise over signal of this value, less that of its noisiest input. 0 where the inputs are as noisy,
   * nothing is known of them, or the operator only moves elements.
   */
  readonly addedNoise: number;
}

export interface LayerInput {
  /** Name in A. */
  readonly value: string;
  /** Infinity where it is the same in both, as a graph input is. */
  readonly snrDb: number;
}

/** One limit, and what was found. */
export interface CompareVerdict {
  readonly name: string;
  readonly passed: boolean;
  /** What was found, what the limit is, and by how much it is missed. */
  readonly message: string;
}
