import { DoubleValueSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { ModelProtoSchema } from '../../lib/graph/onnx_pb.js';
import { checkWire, WireError } from '../../lib/graph/wire.js';
import { integerField, lengthField, varint } from './wire-writer.js';

function check(...records: number[][]): void {
  checkWire(Uint8Array.from(records.flat()), ModelProtoSchema);
}

function errorOf(...records: number[][]): WireError {
  try {
    check(...records);
  } catch (error) {
    if (error instanceof WireError) return error;
  }
  throw new Error('expected a WireError');
}

/** An initializer of the graph with these records in it. */
const tensor = (...records: number[][]) => lengthField(7, lengthField(5, records.flat()));
/** An attribute of a node of the graph with these records in it. */
const attribute = (...records: number[][]) => lengthField(7, lengthField(1, lengthField(5, records.flat())));
/** Graph, node, attribute, graph, ...: three levels of messages each. */
const nested = (levels: number): number[] =>
  levels === 0 ? [] : lengthField(1, lengthField(5, lengthField(6, nested(levels - 1))));

describe('checkWire', () => {
  it('accepts every kind of field, packed and unpacked lists, and unknown fields', () => {
    check([]);
    check(integerField(1, 8), lengthField(2, 'producer'), lengthField(7, []));
    check(tensor(integerField(1, 2), lengthField(1, [...varint(3), ...varint(300)]), lengthField(4, [0, 0, 128, 63])));
    check(attribute([7 * 8 + 5, 0, 0, 128, 63], lengthField(7, [0, 0, 128, 63]), integerField(8, 1), lengthField(8, [1, 2])));
    checkWire(Uint8Array.of(8 + 1, 0, 0, 0, 0, 0, 0, 0, 0), DoubleValueSchema);
    check(
      integerField(500, 2n ** 64n - 1n),
      lengthField(501, 'x'),
      [...varint(502 * 8 + 5), 1, 2, 3, 4],
      [...varint(503 * 8 + 1), ...Array<number>(8)],
    );
  });

  it('says that bytes are missing at the end', () => {
    const error = errorOf(integerField(1, 8), lengthField(7, [1, 2, 3], 100));
    expect(error.truncated).toBe(true);
    expect(error.message).toBe('100 bytes are announced and 3 follow at byte 3 in graph');
    for (const cut of [[8], [8, 128], [0x3a], [0x3a, 128], [...varint(502 * 8 + 5), 1, 2], [...varint(503 * 8 + 1)]]) {
      expect(errorOf(cut).truncated).toBe(true);
    }
  });

  it('refuses a message that runs past the end of the one around it', () => {
    const error = errorOf(lengthField(7, lengthField(5, [1, 2], 4)), lengthField(2, 'more'));
    expect(error.truncated).toBe(false);
    expect(error.message).toBe('4 bytes are announced and 2 follow at byte 3 in graph.initializer');
  });

  it('refuses a wire type that the field cannot have', () => {
    expect(errorOf(lengthField(1, 'eight')).message).toBe(
      'a length-delimited value where varint is expected at byte 0 in ir_version',
    );
    expect(errorOf(integerField(7, 1)).message).toContain('a varint value where length-delimited is expected');
    expect(errorOf(attribute([7 * 8 + 1, 0, 0, 0, 0, 0, 0, 0, 0])).message).toContain('a 64-bit value where 32-bit is expected');
    // Numbers one by one, which no known exporter writes here: see onnx.proto.
    expect(errorOf(tensor([4 * 8 + 5, 0, 0, 128, 63])).message).toBe(
      'a 32-bit value where length-delimited is expected at byte 4 in graph.initializer.float_data',
    );
    expect(errorOf(tensor(integerField(9, 1))).message).toContain('graph.initializer.raw_data');
  });

  it('refuses tags that do not exist, among them groups, which ONNX has none of', () => {
    for (const wire of [3, 4, 6, 7]) expect(errorOf([8 + wire, 0]).message).toContain(`field 1, wire type ${wire}`);
    expect(errorOf([0, 0]).message).toContain('field 0, wire type 0');
  });

  it('refuses integers, tags and lengths that are too long', () => {
    expect(errorOf([8, ...Array<number>(10).fill(255), 1]).message).toContain('an integer longer than 10 bytes');
    expect(errorOf([0x3a, 255, 255, 255, 255, 31]).message).toContain('a length that does not fit in 32 bits');
    expect(errorOf([0x3a, 128, 128, 128, 128, 128, 0]).message).toContain('a length that does not fit in 32 bits');
    expect(errorOf([...Array<number>(5).fill(255), 1]).message).toContain('a field tag that does not fit in 32 bits');
    expect(errorOf([0x3a, 255, 255, 255, 255, 15]).message).toContain('4294967295 bytes are announced and 0 follow');
  });

  it('refuses packed lists that end within an element', () => {
    for (const list of [
      attribute(lengthField(7, [1, 2, 3])),
      attribute(lengthField(8, [1, 128])),
      tensor(lengthField(7, [1, 128])),
    ]) {
      expect(errorOf(list).message).toContain('a packed list that ends within an element');
    }
  });

  it('refuses messages nested deeper than any model has them', () => {
    check(lengthField(7, nested(32)));
    expect(errorOf(lengthField(7, nested(33))).message).toContain('nested deeper than 100 levels');
    expect(errorOf(lengthField(7, nested(400))).message).toContain('nested deeper than 100 levels');
  });
});
