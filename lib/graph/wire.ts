import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';

/**
 * Checks protobuf bytes against a schema before they are decoded: the decoder of @bufbuild/protobuf takes a field with the wrong wire type
 * as if it had the right one, and lets a message run past the end of the one around it, so that a damaged file would yield a wrong model.
 *
 * Touches only tags and lengths, never the contents: the time depends on the number of fields, not on the size of the tensors.
 */
export function checkWire(bytes: Uint8Array, schema: DescMessage): void {
  new WireCheck(bytes).message(0, bytes.length, rulesOf(schema), []);
}

/** Why bytes cannot be what the schema says, and where. */
export class WireError extends Error {
  constructor(
    /** True where bytes are missing at the end, as in a file that was cut off. */
    readonly truncated: boolean,
    reason: string,
    offset: number,
    path: readonly string[],
  ) {
    super(`${reason} at byte ${offset}${path.length === 0 ? '' : ` in ${path.join('.')}`}`);
  }
}

/** As in the other implementations of protobuf. */
const maxDepth = 100;
const maxVarintBytes = 10;

const enum Wire {
  Varint = 0,
  Bits64 = 1,
  Length = 2,
  Bits32 = 5,
}
const wireNames: Readonly<Record<number, string>> = { 0: 'varint', 1: '64-bit', 2: 'length-delimited', 5: '32-bit' };

interface FieldRule {
  readonly name: string;
  readonly wire: Wire;
  /** A list of numbers may come packed too, whatever the schema says. */
  readonly packable: boolean;
  readonly child: DescMessage | undefined;
}

type MessageRules = ReadonlyMap<number, FieldRule>;

const rulesBySchema = new WeakMap<DescMessage, MessageRules>();

function rulesOf(schema: DescMessage): MessageRules {
  let rules = rulesBySchema.get(schema);
  if (rules === undefined) {
    rules = new Map(schema.fields.map((field) => [field.number, ruleOf(field)]));
    rulesBySchema.set(schema, rules);
  }
  return rules;
}

function ruleOf(field: DescField): FieldRule {
  const wire = wireOf(field);
  return { name: field.name, wire, packable: field.fieldKind === 'list' && wire !== Wire.Length, child: field.message };
}

/** Integers of all kinds are varints, and so are enums, which have no scalar type. */
const wireByScalar: ReadonlyMap<ScalarType | undefined, Wire> = new Map([
  [ScalarType.STRING, Wire.Length],
  [ScalarType.BYTES, Wire.Length],
  [ScalarType.FLOAT, Wire.Bits32],
  [ScalarType.FIXED32, Wire.Bits32],
  [ScalarType.SFIXED32, Wire.Bits32],
  [ScalarType.DOUBLE, Wire.Bits64],
  [ScalarType.FIXED64, Wire.Bits64],
  [ScalarType.SFIXED64, Wire.Bits64],
]);

function wireOf(field: DescField): Wire {
  return field.message === undefined ? (wireByScalar.get(field.scalar) ?? Wire.Varint) : Wire.Length;
}

class WireCheck {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  message(start: number, end: number, rules: MessageRules, path: string[]): void {
    if (path.length >= maxDepth)
      throw new WireError(false, `messages nested deeper than ${maxDepth} levels`, start, path.slice(0, 6));
    this.#position = start;
    while (this.#position < end) {
      const at = this.#position;
      const tag = this.#uint32('a field tag', end, path);
      const number = tag >>> 3;
      const wire = tag & 7;
      if (number === 0 || wireNames[wire] === undefined) {
        throw new WireError(false, `a tag that no field can have (field ${number}, wire type ${wire})`, at, path);
      }
      const rule = rules.get(number);
      if (rule === undefined) {
        path.push(`field ${number}`);
        this.#skip(wire, end, path);
      } else {
        path.push(rule.name);
        this.#field(rule, wire, at, end, path);
      }
      path.pop();
    }
  }

  #field(rule: FieldRule, wire: Wire, at: number, end: number, path: string[]): void {
    if (wire === rule.wire) {
      if (rule.child === undefined) return this.#skip(wire, end, path);
      const length = this.#length(end, path);
      return this.message(this.#position, this.#position + length, rulesOf(rule.child), path);
    }
    if (wire !== Wire.Length || !rule.packable) {
      throw new WireError(false, `a ${wireNames[wire]} value where ${wireNames[rule.wire]} is expected`, at, path);
    }
    const length = this.#length(end, path);
    this.#position += length;
    const size = rule.wire === Wire.Bits32 ? 4 : rule.wire === Wire.Bits64 ? 8 : 1;
    const cutVarint = rule.wire === Wire.Varint && length > 0 && ((this.#bytes[this.#position - 1] as number) & 0x80) !== 0;
    if (length % size !== 0 || cutVarint) throw new WireError(false, 'a packed list that ends within an element', at, path);
  }

  #skip(wire: Wire, end: number, path: readonly string[]): void {
    if (wire === Wire.Varint) return this.#skipVarint(end, path);
    const length = wire === Wire.Length ? this.#length(end, path) : wire === Wire.Bits64 ? 8 : 4;
    this.#need(length, this.#position, end, path);
    this.#position += length;
  }

  #skipVarint(end: number, path: readonly string[]): void {
    const start = this.#position;
    for (let count = 1; count <= maxVarintBytes; count++) {
      if (this.#position === end) this.#need(1, start, end, path);
      if ((this.#bytes[this.#position++] as number) < 0x80) return;
    }
    throw new WireError(false, `an integer longer than ${maxVarintBytes} bytes`, start, path);
  }

  /** Reads a length and makes sure that so many bytes follow. */
  #length(end: number, path: readonly string[]): number {
    const start = this.#position;
    const length = this.#uint32('a length', end, path);
    this.#need(length, start, end, path);
    return length;
  }

  #uint32(what: string, end: number, path: readonly string[]): number {
    const start = this.#position;
    let value = 0;
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      if (this.#position === end) this.#need(1, start, end, path);
      const byte = this.#bytes[this.#position++] as number;
      value += (byte & 0x7f) * factor;
      if (byte >= 0x80) continue;
      if (value > 0xffffffff) break;
      return value;
    }
    throw new WireError(false, `${what} that does not fit in 32 bits`, start, path);
  }

  #need(count: number, at: number, end: number, path: readonly string[]): void {
    const left = end - this.#position;
    if (count <= left) return;
    const truncated = this.#position + count > this.#bytes.length;
    throw new WireError(truncated, `${count} bytes are announced and ${left} follow`, at, path);
  }
}
