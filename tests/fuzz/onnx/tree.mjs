/**
 * Protobuf messages as trees that can be changed and written again, right or wrong. The schema tells messages from strings; what it does not
 * know stays bytes.
 *
 * @typedef {object} Node One field as it stands in the message.
 * @property {number} number
 * @property {number} wire 0 varint, 1 64-bit, 2 length-delimited, 5 32-bit; when written, any number up to 7.
 * @property {bigint} [integer] wire 0.
 * @property {Uint8Array} [bytes] wire 1, 2 and 5.
 * @property {Node[]} [children] wire 2, where the schema has a message.
 * @property {import('@bufbuild/protobuf').DescMessage} [schema] Of the children.
 * @property {number} [lie] Added to the length that is written.
 */

/** Reads a message that checkWire has found sound. */
export function readTree(bytes, schema) {
  const nodes = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [number, wire] = [tag >>> 3, tag & 7];
    if (wire === 0) {
      nodes.push({ number, wire, integer: varint() });
      continue;
    }
    const length = wire === 2 ? Number(varint()) : wire === 1 ? 8 : 4;
    const content = bytes.slice(at, (at += length));
    const child = wire === 2 ? schema.fields.find((field) => field.number === number)?.message : undefined;
    nodes.push(child ? { number, wire, children: readTree(content, child), schema: child } : { number, wire, bytes: content });
  }
  return nodes;
}

/** @param {Node[]} nodes */
export function writeTree(nodes) {
  return Buffer.concat(nodes.map(writeNode));
}

function writeNode({ number, wire, integer, bytes, children, lie }) {
  const tag = varintBytes(BigInt(number) * 8n + BigInt(wire));
  if (integer !== undefined) return Buffer.concat([tag, varintBytes(integer)]);
  const content = children === undefined ? bytes : writeTree(children);
  if (wire !== 2) return Buffer.concat([tag, content]);
  return Buffer.concat([tag, varintBytes(BigInt(Math.max(0, content.length + (lie ?? 0)))), content]);
}

function varintBytes(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}
