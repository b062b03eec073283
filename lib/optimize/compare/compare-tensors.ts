import type { Tensor } from '../../tensor/index.js';

/** How far the elements of one group are from what they should be. Sums are over the places where both are finite. */
export interface TensorDifference {
  readonly count: number;
  readonly referenceNonFinite: number;
  readonly candidateNonFinite: number;
  readonly signal: number;
  readonly candidateSignal: number;
  readonly noise: number;
  readonly dot: number;
  readonly largest: number;
}

/** Stands in for the comparison of the core, until that is here. */
export function compareTensors(
  reference: Tensor,
  candidate: Tensor,
  { axis = 0, groups }: { readonly axis?: number; readonly groups: readonly (readonly [number, number])[] },
): Promise<TensorDifference[]> {
  const length = reference.dims[axis] ?? 1;
  const inner = reference.dims.slice(axis + 1).reduce((product, size) => product * size, 1);
  const [a, b] = [numbers(reference), numbers(candidate)];
  return Promise.resolve(
    groups.map(([from, to]) => {
      let [count, referenceNonFinite, candidateNonFinite] = [0, 0, 0];
      let [signal, candidateSignal, noise, dot, largest] = [0, 0, 0, 0, 0];
      for (let begin = 0; begin < a.length; begin += length * inner) {
        for (let i = begin + from * inner; i < begin + to * inner; i++) {
          const x = a[i] as number;
          const y = b[i] as number;
          const difference = Math.abs(x - y);
          if (!(difference < Infinity)) {
            referenceNonFinite += Number(!Number.isFinite(x));
            candidateNonFinite += Number(!Number.isFinite(y));
            continue;
          }
          count++;
          signal += x * x;
          candidateSignal += y * y;
          noise += difference * difference;
          dot += x * y;
          largest = difference > largest ? difference : largest;
        }
      }
      return { count, referenceNonFinite, candidateNonFinite, signal, candidateSignal, noise, dot, largest };
    }),
  );
}

function numbers(tensor: Tensor): ArrayLike<number> {
  return tensor.dtype === 'float32' ? (tensor.data as Float32Array) : tensor.toFloat32();
}
