import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { native } from '../../lib/binding/index.js';

/** Names of the functions that lib/binding/native.ts declares. */
function declaredFunctions(): string[] {
  const path = new URL('../../lib/binding/native.ts', import.meta.url);
  const file = ts.createSourceFile('native.ts', readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  const border = file.statements.find(
    (node): node is ts.InterfaceDeclaration => ts.isInterfaceDeclaration(node) && node.name.text === 'Native',
  );
  if (border === undefined) throw new Error('native.ts has no interface Native');
  return border.members.map((member) => (member.name as ts.Identifier).text);
}

it('exports exactly the functions that native.ts declares', () => {
  const declared = declaredFunctions().sort();
  expect(declared.length).toBeGreaterThan(10);
  expect(Object.keys(native()).sort()).toEqual(declared);
  for (const name of declared) expect((native() as never)[name], name).toBeTypeOf('function');
});
