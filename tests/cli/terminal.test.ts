import { symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { foveateOnTerminal, models, picture, temporaryFolder } from './foveate.js';

const folder = temporaryFolder();
const escape = '\u001b';

beforeAll(() => {
  for (let i = 0; i < 200; i++) symlinkSync(picture('star.jpg'), join(folder, `${i}.jpg`));
});

/** `foveate run` on a pseudo-terminal, interrupted so many times. */
const onTerminal = (interruptions: number, env: Readonly<Record<string, string>> = {}): ReturnType<typeof foveateOnTerminal> =>
  foveateOnTerminal(['run', models.classifier, folder, '--top-k', '1'], {
    awaited: ' left',
    typed: '\\x03'.repeat(interruptions),
    env,
  });

/** The lines that stay on the screen: a carriage return with a clear, or a jump to the first column, starts the line anew. */
function visibleLines(shown: string): string[] {
  return shown.split('\r\n').map((line) => {
    const kept = line.split(/\r|\u001b\[1G/).at(-1) as string;
    return kept.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '');
  });
}

describe('on a terminal', () => {
  it('a bar tells how far it is and what is left, and is gone at the end', async () => {
    const { code, shown } = await onTerminal(0);
    expect(code).toBe(0);
    expect(shown).toMatch(/█░+ \d+\/200 pictures, \d+ s left/);
    const lines = visibleLines(shown);
    expect(lines.filter((line) => /\.jpg {2}\d+ x \d+/.test(line))).toHaveLength(200);
    expect(lines.some((line) => /[█░]/.test(line))).toBe(false);
    expect(lines.some((line) => line.startsWith('200 pictures in '))).toBe(true);
  });

  it('has colours unless they are refused', async () => {
    expect((await onTerminal(1)).shown).toContain(`${escape}[1m`);
    expect((await onTerminal(1, { NO_COLOR: '1' })).shown).not.toMatch(/\u001b\[\d*m/);
  });

  it.each([1, 2])('Ctrl-C typed %i times leaves it clean', async (interruptions) => {
    const { code, shown } = await onTerminal(interruptions);
    expect(code).toBe(130);
    expect(shown).not.toMatch(/^ +at /m);
    // Line wrapping, which the bar switches off, is on again; the cursor was never hidden.
    expect(shown.lastIndexOf(`${escape}[?7h`)).toBeGreaterThan(shown.lastIndexOf(`${escape}[?7l`));
    expect(shown).not.toContain(`${escape}[?25l`);
    if (interruptions === 1) expect(visibleLines(shown).slice(-2)).toEqual(['Interrupted', '']);
  });
});
