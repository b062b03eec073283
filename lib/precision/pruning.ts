import { invalidArgument } from '../errors/index.js';

/** Which weights become 0: the smallest of each output channel, by the part that they are, or two of each four along the input channels. */
export type Pruning = '2:4' | `magnitude:${number}`;

/** Of less, nothing shows; of more, no model is left. */
const [least, most] = [0.3, 0.9];

/** Throws INVALID_ARGUMENT. */
export function checkPruning(prune: unknown): Pruning {
  if (prune === '2:4') return prune;
  const part = Number(/^magnitude:(\d*\.?\d+)$/.exec(String(prune))?.[1]);
  if (part >= least && part <= most) return `magnitude:${part}`;
  throw invalidArgument(
    'prune',
    `'2:4', or 'magnitude:' and a part from ${least} to ${most}`,
    prune,
    'magnitude:0.5 makes half of the weights of each output channel 0; 2:4 two of each four, as sparse kernels of NVIDIA GPUs take them.',
  );
}

/** How much of a layer becomes 0, but for what whole numbers leave. */
export function prunedPart(pruning: Pruning): number {
  return pruning === '2:4' ? 0.5 : Number(pruning.slice('magnitude:'.length));
}
