import { ArgumentError, checkInteger, checkNumber, checkOneOf, checkOptions, invalidArgument } from '../errors/index.js';
import { Classification } from './classification.js';
import type { Timing } from './timing.js';

/** How pictures and texts are compared: as the model was trained, which says its numbers in its configuration. */
export interface ZeroShotOptions {
  /** What the cosines are multiplied with: `exp(logit_scale)` of the model. Default 100, as trained CLIP models have it. */
  readonly logitScale?: number | undefined;
  /** What is added to them: `logit_bias` of SigLIP. Default 0. */
  readonly logitBias?: number | undefined;
  /** 'softmax' (CLIP): the scores of all texts sum up to 1. 'sigmoid' (SigLIP): each text counts for itself. Default 'softmax'. */
  readonly activation?: 'softmax' | 'sigmoid' | undefined;
  /** How many texts are told. Default: all. */
  readonly topK?: number | undefined;
}

/** What a picture is, as a vector of length 1: pictures that are alike point the same way. Free to keep. */
export class Embedding {
  /** Of Euclidean length 1, whatever the model gave. */
  readonly vector: Float32Array;
  /** Size of the picture in pixels. */
  readonly width: number;
  readonly height: number;
  readonly timing: Timing;

  constructor(init: { vector: Float32Array; width: number; height: number; timing: Timing }) {
    this.vector = init.vector;
    this.width = init.width;
    this.height = init.height;
    this.timing = init.timing;
  }

  /** The cosine of the angle to another embedding or vector of any length: 1 for the same direction, 0 for unrelated ones. Throws TENSOR_SHAPE, INVALID_ARGUMENT. */
  similarity(other: Embedding | Float32Array | readonly number[]): number {
    return this.#cosine('other', other);
  }

  /** `name` is the argument's, for messages. */
  #cosine(name: string, other: Embedding | Float32Array | readonly number[]): number {
    const vector = other instanceof Embedding ? other.vector : other;
    if (!(vector instanceof Float32Array) && !Array.isArray(vector)) {
      throw invalidArgument(name, 'an Embedding or a vector', other);
    }
    if (vector.length !== this.vector.length) {
      throw new ArgumentError('TENSOR_SHAPE', {
        message: `Expected a vector of ${this.vector.length} values for ${name} but received ${vector.length}`,
        hint: 'Only vectors of models that belong together can be compared.',
      });
    }
    const length = lengthOf(vector);
    if (!(length > 0) || length === Infinity) throw invalidArgument(name, 'a vector of finite numbers, not all 0', vector);
    return dot(this.vector, vector) / length;
  }

  /**
   * Tells which of some texts fits the picture: zero-shot classification. `texts` holds the vector of each label's text, of any length, made by the
   * text model that belongs to this one. Throws TENSOR_SHAPE, INVALID_ARGUMENT.
   */
  classify(texts: Readonly<Record<string, Float32Array | readonly number[]>>, options: ZeroShotOptions = {}): Classification {
    checkOptions('zero-shot options', options, ['logitScale', 'logitBias', 'activation', 'topK']);
    if (typeof texts !== 'object' || texts === null) throw invalidArgument('texts', 'a record of vectors by label', texts);
    const labels = Object.keys(texts);
    if (labels.length === 0) throw invalidArgument('texts', 'a record of vectors by label, not empty', texts);
    const scale = checkNumber('logitScale', options.logitScale ?? 100, -1e6, 1e6);
    const bias = checkNumber('logitBias', options.logitBias ?? 0, -1e6, 1e6);
    const activation = checkOneOf('activation', options.activation ?? 'softmax', ['softmax', 'sigmoid']);
    const topK = Math.min(checkInteger('topK', options.topK ?? labels.length, 1), labels.length);
    const logits = labels.map(
      (label) => this.#cosine(`texts[${JSON.stringify(label)}]`, texts[label] as Float32Array) * scale + bias,
    );
    const scores = activation === 'softmax' ? softmax(logits) : logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    const order = labels.map((_, i) => i).sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
    const classIds = Int32Array.from(order.slice(0, topK));
    return new Classification({
      classIds,
      scores: Float32Array.from(classIds, (id) => scores[id] as number),
      labels,
      width: this.width,
      height: this.height,
      timing: this.timing,
    });
  }

  toJSON(): { width: number; height: number; vector: number[] } {
    return { width: this.width, height: this.height, vector: [...this.vector] };
  }
}

/** In double precision. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** Euclidean. */
export function lengthOf(vector: ArrayLike<number>): number {
  return Math.sqrt(dot(vector, vector));
}

function softmax(logits: readonly number[]): number[] {
  const highest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
