import { Classification, Detections, Segmentation } from '../results/index.js';

/** About what an object, and each of its members, takes beside what the members hold. */
const objectBytes = 32;
const memberBytes = 8;

/**
 * About how many bytes a result keeps from being freed: whole buffers, of which a typed array may be a part, each once. Names of classes are the model's, and not counted in results of
 * tasks. What private members hold is not seen.
 */
export function resultBytes(result: unknown): number {
  const seen = new Set<object>();
  const open: unknown[] = [result];
  let bytes = 0;
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === 'string') bytes += 2 * value.length;
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    bytes += objectBytes;
    if (ArrayBuffer.isView(value)) open.push(value.buffer);
    else if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) bytes += value.byteLength;
    else if (value instanceof Map) open.push(...value.keys(), ...value.values());
    else if (value instanceof Set) open.push(...value);
    else {
      for (const [key, member] of Object.entries(value)) {
        bytes += memberBytes;
        if (key !== 'labels' || !hasLabels(value)) open.push(member);
      }
    }
  }
  return bytes;
}

function hasLabels(value: object): boolean {
  return value instanceof Classification || value instanceof Detections || value instanceof Segmentation;
}
