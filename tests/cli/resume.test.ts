import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { foveate, models, picture, temporaryFolder } from './foveate.js';

const shapes = ['circle', 'cross', 'ring', 'square', 'star', 'triangle'];
/** So many that a run can be ended in the middle, again and again. */
const count = 240;
const pictures = temporaryFolder();

beforeAll(() => {
  for (let i = 0; i < count; i++) symlinkSync(picture(`${shapes[i % shapes.length]}.jpg`), join(pictures, `${i}.jpg`));
  writeFileSync(join(pictures, '17-bad.jpg'), 'no picture');
});

const journalOf = (results: string): string => `${results}.foveate-journal`;
const size = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
const untimed = (text: string): string => text.replace(/"timing":\{[^}]*\},?/g, '');

/** Calls until the run is complete, ending it each time that the results have grown by so many bytes. How often it was ended. */
async function endAgainAndAgain(call: readonly string[], grown: string, bytes: number, signal: NodeJS.Signals): Promise<number> {
  for (let times = 0; ; times++) {
    const before = size(grown);
    const {
      code,
      signal: killedBy,
      stderr,
    } = await foveate(call, { kill: { when: () => size(grown) > before + bytes, signal } });
    if (killedBy === null && code !== 130) {
      expect(code, stderr).toBe(4); // one picture is bad
      return times;
    }
    // A process that is killed while it writes leaves half a line.
    if (signal === 'SIGKILL') {
      appendFileSync(journalOf(grown), '{"done":"/half/a/li');
      appendFileSync(grown, 'half a line, "');
    }
  }
}

describe('a run that is ended in the middle, and resumed', () => {
  it.each([
    ['ndjson', 'SIGKILL'],
    ['csv', 'SIGKILL'],
    ['ndjson', 'SIGINT'],
  ] as const)(
    'loses nothing and has nothing twice: --%s, %s',
    async (format, signal) => {
      const folder = temporaryFolder();
      const call = (name: string): string[] => {
        const files = ['--results', join(folder, `${name}.${format}`), '-o', join(folder, name)];
        return ['run', models.classifier, pictures, `--${format}`, ...files, '-q'];
      };
      expect((await foveate(call('whole'))).code).toBe(4);
      const results = join(folder, `parts.${format}`);
      const wholeBytes = size(join(folder, `whole.${format}`));
      const times = await endAgainAndAgain([...call('parts'), '--resume'], results, wholeBytes / 6, signal);
      expect(times).toBeGreaterThan(1);

      const text = untimed(readFileSync(results, 'utf8')).replaceAll(join(folder, 'parts'), join(folder, 'whole'));
      expect(text).toBe(untimed(readFileSync(join(folder, `whole.${format}`), 'utf8')));
      const files = readdirSync(join(folder, 'whole'));
      expect(files).toHaveLength(count);
      // What was half written when the process was killed lies about only until the picture is done again.
      expect(readdirSync(join(folder, 'parts'))).toEqual(files);
      for (const name of files) {
        expect(readFileSync(join(folder, 'parts', name)).equals(readFileSync(join(folder, 'whole', name))), name).toBe(true);
      }
    },
    300_000,
  );

  it('is told of --resume when it is interrupted', async () => {
    const output = join(temporaryFolder(), 'out');
    const { code, stderr } = await foveate(['run', models.classifier, pictures, '-o', output], {
      kill: { when: () => size(join(output, '.foveate-journal')) > 5000, signal: 'SIGINT' },
    });
    expect(code).toBe(130);
    expect(stderr).toMatch(/^The same call with --resume goes on from here\.\nInterrupted\n$/m);
  });

  it('goes on although --resume was not given at first, and keeps no account once it is complete', async () => {
    const output = join(temporaryFolder(), 'out');
    const call = ['run', models.classifier, pictures, '-o', output];
    const journal = join(output, '.foveate-journal');
    const { signal } = await foveate(call, { kill: { when: () => size(journal) > 10_000, signal: 'SIGKILL' } });
    expect(signal).toBe('SIGKILL');
    const refused = await foveate(call);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/would overwrite .*\[OUTPUT_NOT_WRITABLE\]\nhint: .*--resume goes on/);

    const { stdout, stderr } = await foveate([...call, '--resume']);
    const left = stdout.split('\n').filter((line) => /\.jpg {2}\d/.test(line)).length;
    expect(left).toBeLessThan(count);
    expect(stderr).toMatch(new RegExp(`^Done before: \\d+ pictures`, 'm'));
    expect(readdirSync(output).filter((name) => name.endsWith('.jpg'))).toHaveLength(count);
    // Kept, because it was asked for; without it there is none at the end.
    expect(existsSync(journal)).toBe(true);
    const other = join(temporaryFolder(), 'out');
    await foveate(['run', models.classifier, picture('star.jpg'), '-o', other, '-q']);
    expect(readdirSync(other)).toEqual(['star.jpg']);
  }, 120_000);
});

/** A run over a few pictures that is complete, and its files. */
async function small(): Promise<{ folder: string; results: string; call: string[]; add: (name: string, from?: string) => void }> {
  const folder = temporaryFolder();
  const inputs = join(folder, 'in');
  mkdirSync(inputs);
  const add = (name: string, from = 'star.jpg'): void => cpSync(picture(from), join(inputs, name));
  add('a.jpg');
  add('b.jpg', 'ring.jpg');
  const results = join(folder, 'results.ndjson');
  const call = ['run', models.classifier, inputs, '--ndjson', '--results', results, '-o', join(folder, 'out'), '--resume'];
  expect((await foveate(call)).code).toBe(0);
  return { folder, results, call, add };
}

const pathsIn = (results: string): string[] =>
  readFileSync(results, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { path: string }).path.replace(/.*\//, ''));

describe('--resume of a complete run', () => {
  it('does nothing, and says so', async () => {
    const { results, call } = await small();
    const before = readFileSync(results, 'utf8');
    const { code, stderr } = await foveate(call);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^0 pictures in \d+ ms, on cpu .*\nDone before: 2 pictures\.\n/);
    expect(readFileSync(results, 'utf8')).toBe(before);
  });

  it('does what was added, under names of its own', async () => {
    const { folder, results, call, add } = await small();
    const drawn = readFileSync(join(folder, 'out/a.jpg'));
    mkdirSync(join(folder, 'in/0'));
    cpSync(picture('cross.jpg'), join(folder, 'in/0/a.jpg'));
    add('c.jpg');
    expect((await foveate([...call, '--recursive'])).code).toBe(0);
    expect(pathsIn(results)).toEqual(['a.jpg', 'b.jpg', 'a.jpg', 'c.jpg']);
    expect(readdirSync(join(folder, 'out'))).toEqual(['a-2.jpg', 'a.jpg', 'b.jpg', 'c.jpg']);
    expect(readFileSync(join(folder, 'out/a.jpg')).equals(drawn)).toBe(true);
  });

  it('takes nothing that it wrote for a picture, and replaces nothing that it did not write', async () => {
    const { folder, call, add } = await small();
    const into = ['run', models.classifier, join(folder, 'in'), '-o', join(folder, 'in'), '--resume'];
    for (let times = 0; times < 2; times++) expect((await foveate(into)).code).toBe(0);
    expect(readdirSync(join(folder, 'in'))).toEqual(['.foveate-journal', 'a-2.jpg', 'a.jpg', 'b-2.jpg', 'b.jpg']);

    writeFileSync(join(folder, 'out/c.jpg'), 'mine');
    add('c.jpg');
    const { code, stderr } = await foveate(call);
    expect(code).toBe(4);
    expect(stderr).toMatch(/would overwrite .*c\.jpg \[OUTPUT_NOT_WRITABLE\]/);
    expect(readFileSync(join(folder, 'out/c.jpg'), 'utf8')).toBe('mine');
  });

  it('ends with 4 where a picture had failed, which is not tried again', async () => {
    const { folder, results, call } = await small();
    writeFileSync(join(folder, 'in/c.jpg'), 'no picture');
    expect((await foveate(call)).code).toBe(4);
    const { code, stderr } = await foveate(call);
    expect(code).toBe(4);
    expect(stderr).toMatch(/^Done before: 3 pictures, 1 of them failed\.$/m);
    expect(pathsIn(results)).toEqual(['a.jpg', 'b.jpg', 'c.jpg']);
  });
});

describe('--resume of a run whose pictures were replaced since', () => {
  /** What the results say of a picture. */
  const topOf = (results: string, name: string): string | undefined =>
    readFileSync(results, 'utf8')
      .split('\n')
      .filter((line) => line.includes(name))
      .map((line) => (JSON.parse(line) as { classes: { label: string }[] }).classes[0]!.label)
      .join();

  it('does them again, and takes out what it had told of them', async () => {
    const { folder, results, call, add } = await small();
    const drawn = readFileSync(join(folder, 'out/a.jpg'));
    expect(topOf(results, 'a.jpg')).toBe('star');
    add('a.jpg', 'cross.jpg');
    add('c.jpg');
    const { code, stderr } = await foveate(call);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^Done before: 1 picture\.$/m) as string });
    expect(stderr).toMatch(/^Done again: 1 picture that changed since\.$/m);
    expect(pathsIn(results)).toEqual(['b.jpg', 'a.jpg', 'c.jpg']);
    expect([topOf(results, 'a.jpg'), topOf(results, 'b.jpg')]).toEqual(['cross', 'ring']);
    expect(readdirSync(join(folder, 'out'))).toEqual(['a.jpg', 'b.jpg', 'c.jpg']);
    expect(readFileSync(join(folder, 'out/a.jpg')).equals(drawn)).toBe(false);

    const told = readFileSync(results, 'utf8');
    expect((await foveate(call)).stderr).toMatch(/^0 pictures in .*\nDone before: 3 pictures\.\n(?!Done again)/);
    expect(readFileSync(results, 'utf8')).toBe(told);
    // Where they lie is known after the first has gone: the last one goes alone.
    add('c.jpg', 'square.jpg');
    expect((await foveate(call)).code).toBe(0);
    expect(pathsIn(results)).toEqual(['b.jpg', 'a.jpg', 'c.jpg']);
    expect([topOf(results, 'a.jpg'), topOf(results, 'c.jpg')]).toEqual(['cross', 'square']);
  });

  it('tells them by their time alone where they have the same size, through a link to the results too', async () => {
    const { folder, results, call } = await small();
    const link = join(folder, 'link.ndjson');
    symlinkSync(results, link);
    cpSync(journalOf(results), journalOf(link));
    utimesSync(join(folder, 'in/b.jpg'), 1e9, 1e9);
    const { code } = await foveate(call.map((word) => (word === results ? link : word)));
    expect(code).toBe(0);
    expect(readlinkSync(link)).toBe(results);
    expect(pathsIn(results)).toEqual(['a.jpg', 'b.jpg']);
    expect(readFileSync(journalOf(link), 'utf8')).toMatch(/"removed":\["[^"]*b\.jpg"\]/);
  });

  it('keeps the first line of CSV, and draws anew where there are no results', async () => {
    const { folder, add } = await small();
    const results = join(folder, 'results.csv');
    const calls = [
      ['--csv', '--results', results],
      ['-o', join(folder, 'drawn')],
    ].map((files) => ['run', models.classifier, join(folder, 'in'), ...files, '--resume']);
    for (const call of calls) expect((await foveate(call)).code).toBe(0);
    const before = readFileSync(results, 'utf8').split('\r\n');
    const drawn = readFileSync(join(folder, 'drawn/a.jpg'));
    add('a.jpg', 'cross.jpg');
    add('b.jpg', 'cross.jpg');
    for (const call of calls) expect((await foveate(call)).stderr).toMatch(/^Done again: 2 pictures that changed since\.$/m);
    const after = readFileSync(results, 'utf8').split('\r\n');
    expect(after).toHaveLength(before.length);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).toMatch(/a\.jpg,.*cross/);
    expect(readdirSync(join(folder, 'drawn'))).toEqual(['.foveate-journal', 'a.jpg', 'b.jpg']);
    expect(readFileSync(join(folder, 'drawn/a.jpg')).equals(drawn)).toBe(false);
  });

  it('tries again what had failed, and leaves alone what is gone', async () => {
    const { folder, results, call, add } = await small();
    const named = [...call, join(folder, 'in/c.jpg'), join(folder, 'in/d.jpg')];
    writeFileSync(join(folder, 'in/c.jpg'), 'no picture');
    const first = await foveate(named);
    expect(first.code).toBe(4);
    expect(first.stderr).toMatch(/c\.jpg.*\[MEDIA_UNSUPPORTED\]/);
    expect(first.stderr).toMatch(/d\.jpg.*\[MEDIA_NOT_FOUND\]/);
    add('c.jpg');
    add('d.jpg');
    rmSync(join(folder, 'in/a.jpg'));
    const { code, stderr } = await foveate([...named, join(folder, 'in/a.jpg')]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^Done again: 2 pictures that/m) as string });
    expect(pathsIn(results)).toEqual(['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg']);
    expect(topOf(results, 'd.jpg')).toBe('star');
  });

  it.each(['before', 'after'])('goes on where it was ended just %s the old results went', async (when) => {
    const { folder, results, call, add } = await small();
    add('a.jpg', 'cross.jpg');
    const [first, second] = readFileSync(results, 'utf8').split('\n') as [string, string];
    const path = join(folder, 'in/a.jpg');
    appendFileSync(journalOf(results), `${JSON.stringify({ removing: [path], end: Buffer.byteLength(second) + 1 })}\n`);
    if (when === 'after') writeFileSync(results, `${second}\n`);
    const { code } = await foveate(call);
    expect(code).toBe(0);
    expect(pathsIn(results)).toEqual(['b.jpg', 'a.jpg']);
    expect(readFileSync(results, 'utf8').startsWith(`${second}\n`)).toBe(true);
    expect(topOf(results, 'a.jpg')).toBe('cross');
    expect(first).toContain('a.jpg');
    // The account holds for the next call.
    add('c.jpg');
    expect((await foveate(call)).code).toBe(0);
    expect(pathsIn(results)).toEqual(['b.jpg', 'a.jpg', 'c.jpg']);
  });
});

describe('--resume is refused', () => {
  it('with another option, model, label file or output folder', async () => {
    const { folder, results, call, add } = await small();
    add('c.jpg');
    const before = readFileSync(results, 'utf8');
    const refused = async (changed: readonly string[], message: RegExp): Promise<void> => {
      const { code, stderr } = await foveate(changed);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) as string });
      expect(stderr).toMatch(/\[INVALID_ARGUMENT\]\nhint: Call it with the same model and options to go on, or begin anew/);
      expect(readFileSync(results, 'utf8')).toBe(before);
    };
    await refused([...call, '--top-k', '2'], /Expected nothing for option --top-k, as in the run that .* but received 2/);
    await refused([...call, '-o', join(folder, 'elsewhere')], /for option --output/);
    const labels = join(folder, 'labels.txt');
    writeFileSync(labels, shapes.join('\n'));
    await refused([...call, '--labels', labels], /Expected nothing for option --labels/);
    await refused(
      call.map((word) => (word === '--ndjson' ? '--csv' : word)),
      /Expected "ndjson" for option format/,
    );
    const model = join(folder, 'model.onnx');
    cpSync(models.detector, model);
    await refused(
      call.map((word) => (word === models.classifier ? model : word)),
      /for option model/,
    );
    // The number of threads changes no result.
    expect((await foveate([...call, '--threads', '1'])).code).toBe(0);
    expect(pathsIn(results)).toEqual(['a.jpg', 'b.jpg', 'c.jpg']);
  });

  it('where the results are shorter than they were, or the account is damaged', async () => {
    const { results, call, add } = await small();
    add('c.jpg');
    truncateSync(results, 20);
    const short = await foveate(call);
    expect(short.code).toBe(4);
    expect(short.stderr).toMatch(/Expected at least \d+ bytes in .* but found 20 \[OUTPUT_NOT_WRITABLE\]\nhint: .*--overwrite/);
    const journal = journalOf(results);
    writeFileSync(journal, readFileSync(journal, 'utf8').replace('{"done"', '{done'));
    const damaged = await foveate(call);
    expect(damaged.code).toBe(4);
    expect(damaged.stderr).toMatch(/line \d+ of it is damaged \[OUTPUT_NOT_WRITABLE\]\nhint: Begin anew: --overwrite/);
    const anew = await foveate([...call.filter((word) => word !== '--resume'), '--overwrite']);
    expect(anew.code).toBe(0);
    expect(pathsIn(results)).toEqual(['a.jpg', 'b.jpg', 'c.jpg']);
    expect(existsSync(journal)).toBe(false);
  });
});
