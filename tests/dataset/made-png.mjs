/** PNG files made byte by byte: encoders choose depth, palette and order of colours by themselves. */
import { crc32, deflateSync } from 'node:zlib';

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const colorTypes = { grey: 0, rgb: 2, palette: 3 };

function chunk(type, data) {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(data.length);
  head.write(type, 4, 'latin1');
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(data, crc32(head.subarray(4))));
  return Buffer.concat([head, data, checksum]);
}

/**
 * @param {{ width: number, height: number, kind?: 'grey' | 'rgb' | 'palette', depth?: 1 | 2 | 4 | 8 | 16, palette?: number[] }} layout
 * @param {number[]} samples Row by row, of RGB interleaved.
 */
export function png({ width, height, kind = 'grey', depth = 8, palette }, samples) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = depth;
  header[9] = colorTypes[kind];
  const perRow = width * (kind === 'rgb' ? 3 : 1);
  const stride = 1 + Math.ceil((perRow * depth) / 8);
  const rows = Buffer.alloc(stride * height);
  samples.forEach((sample, i) => {
    const bit = (i % perRow) * depth;
    const at = Math.floor(i / perRow) * stride + 1 + (bit >> 3);
    if (depth === 16) rows.writeUInt16BE(sample, at);
    else rows[at] |= sample << (8 - depth - (bit & 7));
  });
  // Every index one colour: a reader that goes by colours loses them.
  const colors = palette ?? Array.from({ length: 3 * 2 ** Math.min(depth, 8) }, () => 7);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    ...(kind === 'palette' ? [chunk('PLTE', Buffer.from(colors))] : []),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A grey picture of one value. */
export function plainPng(width, height, value = 0) {
  return png(
    { width, height },
    Array.from({ length: width * height }, () => value),
  );
}
