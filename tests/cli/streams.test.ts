import { spawn } from 'node:child_process';
import { closeSync, openSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { foveate, models, picture, program, temporaryFolder } from './foveate.js';

/** So many pictures that a call is still at work when it is interrupted. */
const manyCount = 3000;
const many = temporaryFolder();
/** So many that they take longer than a second. */
const someCount = 600;
const some = temporaryFolder();

beforeAll(() => {
  for (let i = 0; i < manyCount; i++) symlinkSync(picture('star.jpg'), join(many, `${i}.jpg`));
  for (let i = 0; i < someCount; i++) symlinkSync(picture('star.jpg'), join(some, `${i}.jpg`));
});

interface Told {
  readonly pictures: readonly unknown[];
  readonly error?: { readonly code: string };
}

describe('standard output', () => {
  it('is one JSON document and nothing else, notes and progress apart', async () => {
    const { code, stdout, stderr } = await foveate([
      'run',
      models.classifier,
      picture('star.jpg'),
      picture('ring.jpg'),
      '--json',
    ]);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Told).pictures).toHaveLength(2);
    expect(stderr).toMatch(/^2 pictures in /m);
  });

  it('that nobody reads any more ends the call in silence', async () => {
    for (const options of [[], ['--json']]) {
      const result = await foveate(['run', models.classifier, many, '--quiet', ...options], {
        onOutput: (child) => child.stdout?.destroy(),
      });
      expect(result).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it
    .skipIf(process.platform !== 'linux')
    .each([['run', models.classifier, picture('star.jpg'), '-q'], ['doctor'], ['doctor', '--json'], ['--help'], ['--version']])(
    'that is full is an error of %s %s',
    async (...args) => {
      const full = openSync('/dev/full', 'w');
      const { code, stderr } = await foveate(args, { stdout: full });
      closeSync(full);
      expect(code).toBe(4);
      expect(stderr).toMatch(/Cannot write to standard output.*\[OUTPUT_NOT_WRITABLE\]/);
    },
  );
});

describe('progress where there is no terminal', () => {
  it('is a line now and then, and no control character', async () => {
    const { code, stdout, stderr } = await foveate(['run', models.classifier, some, '--json']);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Told).pictures).toHaveLength(someCount);
    const lines = stderr.split('\n').filter((line) => line.includes('%'));
    expect(lines.length).toBeLessThan(30);
    for (const line of lines) expect(line).toMatch(/^\d+\/600 pictures \(\d+ %\), .* left$/);
    expect(stderr).not.toContain('\u001b');
  }, 120_000);
});

describe('Ctrl-C', () => {
  it.each([
    ['SIGINT', 130, 'Interrupted'],
    ['SIGTERM', 143, 'Terminated'],
  ] as const)('%s ends a long call soon and in order', async (signal, exitCode, words) => {
    let sentAt = 0;
    const { code, stdout, stderr } = await foveate(['run', models.classifier, many, '--json', '--quiet'], {
      onOutput: (child) => {
        sentAt = performance.now();
        child.kill(signal);
      },
    });
    expect(performance.now() - sentAt).toBeLessThan(5000);
    expect({ code, stderr }).toEqual({ code: exitCode, stderr: `${words}\n` });
    const { pictures, error } = JSON.parse(stdout) as Told;
    expect(error?.code).toBe('ABORTED');
    expect(pictures.length).toBeLessThan(manyCount);
  });

  it('ends a call that waits for standard input', async () => {
    const args = [program, 'run', models.classifier, picture('star.jpg'), '-', '--quiet'];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    // Results come in order: when the first is there, all that is left to do is to wait for standard input.
    child.stdout.once('data', () => child.kill('SIGINT'));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect({ code, stderr }).toEqual({ code: 130, stderr: 'Interrupted\n' });
  });
});
