/** Lists of numbers as text in JSON: base64, little endian. */

/** Counts are mostly small and many are 0: seven bits a byte, the lowest first; a 0 is followed by how many there are in a row. */
export function packCounts(counts: Float64Array): string {
  const bytes: number[] = [];
  const put = (value: number): void => {
    for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
    bytes.push(value);
  };
  for (let i = 0; i < counts.length; i++) {
    put(counts[i] as number);
    if (counts[i] !== 0) continue;
    let end = i + 1;
    while (end < counts.length && counts[end] === 0) end++;
    put(end - i);
    i = end - 1;
  }
  return Buffer.from(bytes).toString('base64');
}

/** What {@link packCounts} was given; undefined for text that it did not make, or that holds more than `limit` counts. */
export function unpackCounts(text: string, limit: number): Float64Array | undefined {
  const bytes = bytesOf(text);
  if (bytes === undefined) return undefined;
  const counts: number[] = [];
  let at = 0;
  const take = (): number => {
    let value = 0;
    for (let factor = 1; at < bytes.length; factor *= 128) {
      const byte = bytes[at++] as number;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
    return NaN;
  };
  while (at < bytes.length) {
    const value = take();
    const length = value === 0 ? take() : 1;
    if (!Number.isSafeInteger(value) || !(length >= 1 && counts.length + length <= limit)) return undefined;
    for (let i = 0; i < length; i++) counts.push(value);
  }
  return Float64Array.from(counts);
}

export function packFloats(numbers: Float32Array | Float64Array): string {
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength).toString('base64');
}

/** So many numbers; undefined for text that holds more or less. */
export function unpackFloat32(text: string, length: number): Float32Array | undefined {
  const bytes = bytesOf(text);
  return bytes?.length === length * 4 ? new Float32Array(bytes.buffer) : undefined;
}

/** So many numbers; undefined for text that holds more or less. */
export function unpackFloat64(text: string, length: number): Float64Array | undefined {
  const bytes = bytesOf(text);
  return bytes?.length === length * 8 ? new Float64Array(bytes.buffer) : undefined;
}

/** In memory of their own, which numbers of any size can be read from. Node skips what is no base64: the way back tells. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
}
