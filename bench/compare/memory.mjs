/**
 * Whether the memory of a comparison grows with its pictures: `node bench/compare/memory.mjs A B FOLDER [--pictures 2,8,32] [--limit MB]`, after `npm run build`.
 *
 * A process of its own for each number of pictures, which the folder must have. Prints peak resident memory and time; exits with 1 where the most pictures take over 10 % more than the fewest.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    pictures: { type: 'string', default: '2,8,32' },
    limit: { type: 'string', default: '256' },
    child: { type: 'string' },
  },
});
const [a, b, data] = positionals;

if (values.child !== undefined) {
  const { compareModels } = await import('../../dist/index.js');
  const started = performance.now();
  const memoryLimit = Number(values.limit) * 2 ** 20;
  const { inputs, layers, outputs } = await compareModels(a, b, { data, pictures: Number(values.child), memoryLimit });
  const peak = Math.round(process.resourceUsage().maxRSS / 1024);
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stdout.write(
    JSON.stringify({
      pictures: inputs.count,
      peak,
      seconds,
      layers: layers.compared.length,
      snrDb: outputs[0]?.difference?.snrDb,
    }),
  );
} else {
  if (data === undefined) throw new Error('usage: memory.mjs A B FOLDER [--pictures 2,8,32] [--limit MB]');
  const rows = values.pictures.split(',').map((count) => {
    const args = [import.meta.filename, a, b, data, '--child', count, '--limit', values.limit];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    if (status !== 0) throw new Error(`the comparison on ${count} pictures ended with ${status}`);
    return JSON.parse(stdout);
  });
  console.table(rows);
  const growth = rows.at(-1).peak / rows[0].peak - 1;
  console.log(`From ${rows[0].pictures} to ${rows.at(-1).pictures} pictures: peak memory ${(100 * growth).toFixed(1)} % more`);
  process.exitCode = growth > 0.1 ? 1 : 0;
}
