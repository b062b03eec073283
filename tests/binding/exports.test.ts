import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { native } from '../../lib/binding/index.js';

/** Names of the functions that lib/binding declares, those of the metrics and of calibration in files of their own. */
function declaredFunctions(): string[] {
  return [
    functionsOf('native.ts', 'Native'),
    functionsOf('native-metrics.ts', 'NativeMetrics'),
    functionsOf('native-calibration.ts', 'NativeCalibration'),
  ].flat();
}

function functionsOf(fileName: string, name: string): string[] {
  const path = new URL(`../../lib/binding/${fileName}`, import.meta.url);
  const file = ts.createSourceFile(fileName, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  const border = file.statements.find(
    (node): node is ts.InterfaceDeclaration => ts.isInterfaceDeclaration(node) && node.name.text === name,
  );
  if (border === undefined) throw new Error(`${fileName} has no interface ${name}`);
  return border.members.map((member) => (member.name as ts.Identifier).text);
}

it('exports exactly the functions that lib/binding declares', () => {
  const declared = declaredFunctions().sort();
  expect(declared.length).toBeGreaterThan(10);
  expect(Object.keys(native()).sort()).toEqual(declared);
  for (const name of declared) expect((native() as never)[name], name).toBeTypeOf('function');
});
