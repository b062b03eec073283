/** The types that TypeScript users rely on: compiled, not run. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const path = fileURLToPath(new URL('./public-types.ts', import.meta.url));
const configPath = fileURLToPath(new URL('../../tsconfig.json', import.meta.url));

/** What the compiler says about public-types.ts with this text. */
function diagnose(text: string): string[] {
  const { config } = ts.readConfigFile(configPath, (file) => readFileSync(file, 'utf8'));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, fileURLToPath(new URL('../..', import.meta.url)));
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (name, ...rest) =>
    name === path ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2023) : getSourceFile.call(host, name, ...rest);
  const program = ts.createProgram([path], options, host);
  return ts
    .getPreEmitDiagnostics(program, program.getSourceFile(path))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

const text = readFileSync(path, 'utf8');

it('accept and refuse what they must', () => {
  expect(diagnose(text)).toEqual([]);
}, 300_000);

it('are checked by a compiler that would notice', () => {
  const mistakes = diagnose(`${text}
    export const number: number = new Tensor('float32', new Float32Array(1)).data;
    same<typeof number, string>();
    // @ts-expect-error: nothing is wrong here
    new Tensor('float32', new Float32Array(1));`);
  expect(mistakes).toHaveLength(3);
}, 300_000);
