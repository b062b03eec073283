/** What is written of the demo models is what onnx.checker and onnxruntime were asked about: onnx_checker.py. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot, runProgram } from '../package/node-child.js';

type Answer = { readonly sha256: Readonly<Record<string, string>>; readonly verdict: string } | { readonly refused: string };
type Answers = Readonly<Record<string, Readonly<Record<string, Answer>>>>;

const { examples, shared } = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/onnx_checker.json'), 'utf8'),
) as Readonly<Record<'examples' | 'shared', Answers>>;
const models = join(projectRoot, 'examples/models');

/** What lib/graph exports of its passes, but for what they are made of. */
function passNames(): string[] {
  const index = readFileSync(join(projectRoot, 'lib/graph/index.ts'), 'utf8');
  const exported = [...index.matchAll(/^export \{ ([^}]+) \} from '\.\/passes\//gm)].flatMap(([, names = '']) =>
    names.split(', ').filter((name) => /^[a-z]/.test(name) && !name.startsWith('type ')),
  );
  const parts = ['pixelAxes', 'changed', 'madeNode', 'soundModel', 'readBy', 'readWithin'];
  return exported.filter((name) => !parts.includes(name));
}

describe('files that are written', { timeout: 120_000 }, () => {
  it('were all accepted, of every pass and of all forms', () => {
    expect(Object.keys(examples).sort()).toEqual(
      readdirSync(models)
        .filter((name) => name.endsWith('.onnx'))
        .sort(),
    );
    const names = passNames();
    const forms = [
      'writeOnnxRuntimeForm',
      'writeTensorRtForm',
      'writeTensorRtForm, FP8',
      'writeHalfForm',
      'writeHalfForm, BF16',
      'writeWeightOnlyForm',
    ];
    expect(names.length).toBeGreaterThanOrEqual(14);
    for (const answers of [...Object.values(examples), ...Object.values(shared)]) {
      expect(Object.keys(answers)).toEqual(expect.arrayContaining([...names, 'writeModel', ...forms]));
      const judged = Object.values(answers).filter((answer) => 'verdict' in answer);
      expect(new Set(judged.map(({ verdict }) => verdict))).toEqual(new Set(['accepted']));
    }
    const accepted = Object.values(examples).flatMap((answers) =>
      Object.entries(answers).flatMap(([name, answer]) => ('verdict' in answer ? [name] : [])),
    );
    expect([...names, ...forms].filter((name) => !accepted.includes(name))).toEqual([]);
  });

  it.each(Object.keys(examples))('of %s are the same now', async (name) => {
    const folder = mkdtempSync(join(tmpdir(), 'foveate-checked-'));
    try {
      const script = join(import.meta.dirname, 'onnx_checker.mjs');
      const { code, stdout, stderr } = await runProgram(process.execPath, [script, join(models, name), folder], {
        timeoutMs: 110_000,
      });
      expect(code, stderr).toBe(0);
      const expected = Object.entries(examples[name] ?? {}).map(([pass, answer]) => [
        pass,
        'refused' in answer ? answer.refused : answer.sha256,
      ]);
      expect(JSON.parse(stdout)).toEqual(Object.fromEntries(expected));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
