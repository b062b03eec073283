/**
 * How much memory a large model takes to be read and written: `write-model.mjs [--megabytes 3072] [--limit 256]`.
 *
 * Makes a model of that size whose elements are in another file (most of it never written: the file has holes), and writes it with `writeModel` as one
 * does by default. Exits with 1 where the resident memory rose by more than the limit (in MB), or what was written is not what was there. Takes twice the
 * size on disk.
 */
import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { encodeModel, parseModel, readModel, writeModel } from '../../dist/graph/index.js';
import { ModelProtoSchema } from '../../dist/graph/onnx_pb.js';
import { numbersFrom } from './shipped-package.mjs';

const { megabytes, limit } = numbersFrom({ megabytes: 3072, limit: 256 });
const folder = mkdtempSync(join(tmpdir(), 'foveate-large-'));

/** A third of the elements in each tensor: the first and the last of them are above 1 GB by default. */
function makeModel() {
  const bytes = Math.floor(megabytes / 3) * 2 ** 20;
  const file = openSync(join(folder, 'source.bin'), 'w');
  ftruncateSync(file, 3 * bytes);
  for (let at = 0; at < 3 * bytes; at += 64 * 2 ** 20) writeSync(file, Float32Array.of(at, at + 1), 0, 8, at);
  closeSync(file);
  const initializer = [0, 1, 2].map((index) => ({
    name: `w${index}`,
    dataType: 1,
    dims: [BigInt(bytes / 4)],
    dataLocation: 1,
    externalData: Object.entries({ location: 'source.bin', offset: index * bytes, length: bytes }).map(([key, value]) => ({
      key,
      value: String(value),
    })),
  }));
  const graph = { name: 'large', initializer };
  return parseModel(encodeModel(create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ version: 17n }], graph })), { folder });
}

async function digestsOf(model) {
  const digests = [];
  for (const tensor of model.initializers.values()) {
    const hash = createHash('sha256');
    for await (const chunk of tensor.chunks()) hash.update(chunk);
    digests.push(hash.digest('hex'));
  }
  return digests;
}

try {
  const source = makeModel();
  const before = process.memoryUsage.rss();
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5);
  const { data } = await writeModel(source.proto, join(folder, 'large.onnx'), { folder });
  const written = await readModel(join(folder, 'large.onnx'));
  const same = (await digestsOf(written)).join() === (await digestsOf(source)).join();
  clearInterval(watch);
  const rose = (peak - before) / 2 ** 20;
  const left = readdirSync(folder).sort().join(' ');
  console.log(
    `${(data.bytes / 2 ** 20).toFixed(0)} MB in ${data.path.slice(folder.length + 1)}; memory rose by ${rose.toFixed(0)} MB at most, to ${(peak / 2 ** 20).toFixed(0)} MB`,
  );
  console.log(`what was written is ${same ? '' : 'not '}what was there; the folder has ${left}`);
  if (!same || rose > limit || left !== 'large.onnx large.onnx.data source.bin') process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}
