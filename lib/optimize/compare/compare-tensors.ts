import type { Tensor } from '../../tensor/index.js';

/** What two tensors of one shape have to say of each group of their elements: sums over those that are finite in both. */
export interface TensorComparison {
  /** Sum of the squares of the reference. */
  readonly signal: Float64Array;
  /** Sum of the squares of the candidate. */
  readonly candidateSignal: Float64Array;
  /** Sum of the squares of the differences. */
  readonly noise: Float64Array;
  readonly largestDifference: Float64Array;
  /** Largest magnitude in the reference. */
  readonly largest: Float64Array;
  /** Elements that are NaN or infinite in the reference, in the candidate, and in the candidate alone. */
  readonly nonFinite: { readonly reference: number; readonly candidate: number; readonly onlyCandidate: number };
}

/** Compares two tensors of one shape; the elements of a group share a place on `axis`. */
export function compareTensors(reference: Tensor, candidate: Tensor, axis: number): Promise<TensorComparison> {
  const groups = reference.dims[axis] ?? 1;
  const inner = reference.dims.slice(axis + 1).reduce((product, size) => product * size, 1);
  const [a, b] = [numbers(reference), numbers(candidate)];
  const sums = Array.from({ length: 5 }, () => new Float64Array(groups));
  const [signal, candidateSignal, noise, largestDifference, largest] = sums as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const nonFinite = { reference: 0, candidate: 0, onlyCandidate: 0 };
  for (let begin = 0, group = 0; begin < a.length; begin += inner, group = (group + 1) % groups) {
    let [s, c, n, d, m] = [0, 0, 0, 0, 0];
    for (let i = begin; i < begin + inner; i++) {
      const x = a[i] as number;
      const y = b[i] as number;
      const difference = Math.abs(x - y);
      if (!(difference < Infinity)) {
        const [okX, okY] = [Number.isFinite(x), Number.isFinite(y)];
        nonFinite.reference += Number(!okX);
        nonFinite.candidate += Number(!okY);
        nonFinite.onlyCandidate += Number(okX && !okY);
        continue;
      }
      s += x * x;
      c += y * y;
      n += difference * difference;
      d = difference > d ? difference : d;
      m = Math.abs(x) > m ? Math.abs(x) : m;
    }
    signal[group]! += s;
    candidateSignal[group]! += c;
    noise[group]! += n;
    largestDifference[group] = Math.max(largestDifference[group]!, d);
    largest[group] = Math.max(largest[group]!, m);
  }
  return Promise.resolve({ signal, candidateSignal, noise, largestDifference, largest, nonFinite });
}

function numbers(tensor: Tensor): ArrayLike<number> {
  return tensor.dtype === 'float32' || tensor.dtype === 'float64' ? (tensor.data as Float32Array) : tensor.toFloat32();
}
