/** Protobuf records written by hand, so that tests can make what no faultless writer would. */

export function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

export function integerField(number: number, value: number | bigint): number[] {
  return [...varint(number * 8), ...varint(value)];
}

/** A string, bytes, message or packed list; `length` other than the true one makes a lying record. */
export function lengthField(number: number, content: readonly number[] | string, length?: number): number[] {
  const bytes = typeof content === 'string' ? [...Buffer.from(content)] : content;
  return [...varint(number * 8 + 2), ...varint(length ?? bytes.length), ...bytes];
}

/** A model of IR version 8 with this content of its graph. */
export function modelBytes(graph: readonly number[]): Uint8Array {
  const opset = lengthField(8, integerField(2, 17));
  return Uint8Array.from([...integerField(1, 8), ...lengthField(7, graph), ...opset]);
}
