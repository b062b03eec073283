/**
 * Whether the memory of a comparison grows with its pictures: `node bench/compare/memory.mjs A B FOLDER [--pictures 8,32,128] [--limit MB]`, after `npm run build`.
 *
 * A process of its own for each number of pictures: the first eight of the folder, again and again, because decoding takes what the largest picture does.
 * Prints peak resident memory and time; exits with 1 where the most pictures take over 10 % more than the fewest.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const distinct = 8;
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    pictures: { type: 'string', default: '8,32,128' },
    limit: { type: 'string', default: '256' },
    child: { type: 'string' },
  },
});
const [a, b, folder] = positionals;
if (folder === undefined) throw new Error('usage: memory.mjs A B FOLDER [--pictures 8,32,128] [--limit MB]');

if (values.child !== undefined) {
  const { compareModels } = await import('../../dist/index.js');
  const names = readdirSync(folder)
    .filter((name) => /\.(jpe?g|png)$/i.test(name))
    .sort();
  const pictures = Number(values.child);
  const data = Array.from({ length: pictures }, (_, i) => join(folder, names[i % Math.min(distinct, names.length)]));
  const started = performance.now();
  const { inputs, layers } = await compareModels(a, b, { data, pictures, memoryLimit: Number(values.limit) * 2 ** 20 });
  const peakMegabytes = Math.round(process.resourceUsage().maxRSS / 1024);
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stdout.write(JSON.stringify({ pictures: inputs.count, layers: layers.compared.length, peakMegabytes, seconds }));
} else {
  const rows = values.pictures.split(',').map((count) => {
    const args = [import.meta.filename, a, b, folder, '--child', count, '--limit', values.limit];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    if (status !== 0) throw new Error(`the comparison on ${count} pictures ended with ${status}`);
    return JSON.parse(stdout);
  });
  console.table(rows);
  const growth = rows.at(-1).peakMegabytes / rows[0].peakMegabytes - 1;
  console.log(`From ${rows[0].pictures} to ${rows.at(-1).pictures} pictures: peak memory ${(100 * growth).toFixed(1)} % more`);
  process.exitCode = growth > 0.1 ? 1 : 0;
}
