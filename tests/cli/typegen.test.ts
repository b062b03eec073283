import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

import { ModelProtoSchema, ValueInfoProtoSchema } from '../../lib/graph/onnx_pb.js';
import { createSession } from '../../lib/session/index.js';
import { DataType, madeModel, node } from '../tasks/made-models.js';
import { foveate, models, projectRoot, temporaryFolder } from './foveate.js';

const folder = temporaryFolder();

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function declarationOf(model: string): Promise<string> {
  const { code, stdout, stderr } = await foveate(['typegen', model]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

interface Compiled {
  readonly declaration: string;
  /** A module beside it. */
  readonly use: string;
}

const plainUse = "import type { Model } from './model.js';\nexport type { Model };";

/** What the compiler, as strict as it can be, says of declarations and of a module beside each. All at once, which takes no longer than one. */
function compile(...all: readonly Compiled[]): string[] {
  const place = mkdtempSync(join(folder, 'compiled-'));
  writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
  const files = all.flatMap(({ declaration, use }, i) => {
    const own = join(place, String(i));
    mkdirSync(own);
    writeFileSync(join(own, 'model.d.ts'), declaration);
    writeFileSync(join(own, 'use.ts'), use);
    return [join(own, 'model.d.ts'), join(own, 'use.ts')];
  });
  const program = ts.createProgram(files, {
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    isolatedModules: true,
    verbatimModuleSyntax: true,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    typeRoots: [join(projectRoot, 'node_modules/@types')],
  });
  return ts
    .getPreEmitDiagnostics(program)
    .filter((found) => found.file === undefined || found.file.fileName.startsWith(place))
    .map(
      ({ messageText, file: where }) =>
        `${basename(where?.fileName ?? '')}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
}

/** A model of one node from one value to another, named as told, of these types and shapes. */
function named(input: string, output: string, change: Parameters<typeof madeModel>[0] | object = {}): Uint8Array {
  const bytes = madeModel({ input: [1, 3], output: [1, 3], nodes: [node('Relu', 'x', 'y')], ...change });
  const model = fromBinary(ModelProtoSchema, bytes);
  const { graph } = model;
  if (graph === undefined) throw new Error('a made model has a graph');
  for (const [value, name] of [
    [graph.input[0], input],
    [graph.output[0], output],
  ] as const) {
    if (value !== undefined) value.name = name;
  }
  graph.node[0]?.input.splice(0, 1, input);
  graph.node[0]?.output.splice(0, 1, output);
  return toBinary(ModelProtoSchema, model);
}

describe('typegen', () => {
  it('writes the names, types and shapes, and the names of the classes', async () => {
    const sha256 = createHash('sha256').update(readFileSync(models.detector)).digest('hex');
    const text = await declarationOf(models.detector);
    expect(text).toBe(`// Made by foveate typegen shapes-detector.onnx. Do not edit it: make it again when the model changes.
// The model's SHA-256: ${sha256}

/** For createSession<Model>: names, element types and shapes of shapes-detector.onnx. */
export interface Model {
  readonly inputs: {
    /** float32 [batch, 3, 256, 256] */
    readonly "images": { readonly dtype: "float32"; readonly shape: readonly [number, 3, 256, 256] };
  };
  readonly outputs: {
    /** float32 [batch, 10, 1344] */
    readonly "output0": { readonly dtype: "float32"; readonly shape: readonly [number, 10, 1344] };
  };
}

/** The model's names of its classes. */
export type Label =
  | "circle"
  | "square"
  | "triangle"
  | "star"
  | "ring"
  | "cross";
`);
    expect(await declarationOf(models.detector)).toBe(text);
  });

  it('gives a session types that hold', async () => {
    const library = join(projectRoot, 'dist/index.js');
    const use = `
      import { createSession, Tensor } from '${library}';
      import type { Label, Model } from './model.js';
      const session = await createSession<Model>('m.onnx');
      const dims: Model['inputs']['images']['shape'] = [4, 3, 256, 256];
      const { outputs } = await session.run({ images: Tensor.allocate('float32', dims) });
      const data: Float32Array = outputs.output0.data;
      const channels: 10 = outputs.output0.dims[1];
      const label: Label = 'ring';
      export { data, channels, label };`;
    const text = await declarationOf(models.detector);
    expect(compile({ declaration: text, use })).toEqual([]);
    const mistakes = use.replaceAll('output0', 'output1').replace("'ring'", "'rung'").replaceAll('images', 'pictures');
    expect(compile({ declaration: text, use: mistakes }).length).toBeGreaterThanOrEqual(4);
  }, 120_000);

  it('is shown in use by an example that compiles', async () => {
    const { stdout } = await foveate(['typegen', '--help']);
    const use = stdout
      .slice(stdout.indexOf('In TypeScript:\n') + 'In TypeScript:\n'.length)
      .replace("'foveate'", `'${join(projectRoot, 'dist/index.js')}'`)
      .replace('./yolov8n.js', './model.js');
    const declaration = await declarationOf(models.detector);
    expect(compile({ declaration, use })).toEqual([]);
    expect(compile({ declaration, use: use.replace('output0', 'output1') })).toHaveLength(1);
  }, 120_000);

  const oddNames = [
    `it's "quoted" \\ \`\${x}\``,
    'a/b.c:0',
    '画像 é \u{1F600}',
    '0input',
    'class',
    'readonly',
    'constructor',
    '__proto__',
    '*/ export type Label = 1; /*',
    'a\nb\u2028c\u2029d\u0000',
    '\\u0041',
    'with space',
  ];

  it('takes odd names as they are', async () => {
    const compiled: Compiled[] = [];
    for (const name of oddNames) {
      const names = JSON.stringify({ 0: name, 1: 'other', 2: name });
      const path = file('odd.onnx', named(name, `${name} out`, { metadata: { names }, input: [1, `d ${name}`], output: [1, 3] }));
      const quoted = JSON.stringify(name).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
      const quotedOutput = `${quoted.slice(0, -1)} out"`;
      const use = `
        import type { Label, Model } from './model.js';
        const names: keyof Model['inputs'] = ${quoted};
        const all: { [Name in keyof Model['inputs']]: Name } = { [${quoted}]: ${quoted} };
        const label: Label = ${quoted};
        const other: Label = 'other';
        const dtype: Model['outputs'][${quotedOutput}]['dtype'] = 'float32';
        export { names, all, label, other, dtype };`;
      compiled.push({ declaration: await declarationOf(path), use });
    }
    expect(compile(...compiled)).toEqual([]);
  }, 120_000);

  it('tells free sizes, a scalar and an unknown rank apart', async () => {
    const fixture = (name: string): string => join(projectRoot, 'tests/native/fixtures', name);
    const free = await declarationOf(file('free.onnx', named('x', 'y', { input: ['n', 3, 'h', 5], output: ['n', 3, 'h', 5] })));
    expect(free).toContain(
      '/** float32 [n, 3, h, 5] */\n    readonly "x": { readonly dtype: "float32"; readonly shape: readonly [number, 3, number, 5] }',
    );
    expect(await declarationOf(fixture('unranked.onnx'))).toMatch(
      /of unknown shape \*\/\n.*readonly shape: readonly number\[\] \}/,
    );
    expect(await declarationOf(fixture('scalar.onnx'))).toMatch(/float32 \[\] \*\/\n.*readonly shape: readonly \[\] \}/);
    expect(free).not.toContain('Label');
  });

  const fixtures = join(projectRoot, 'tests/native/fixtures');
  const openable = /^(default_input|dynamic|fixed|gather|identity_\w+|nonzero|scalar|unranked)\.onnx$/;
  it('names what a session of the model names', async () => {
    const files = readdirSync(fixtures).filter((name) => openable.test(name));
    expect(files.length).toBeGreaterThan(15);
    const compiled: Compiled[] = [];
    for (const name of files) {
      const path = join(fixtures, name);
      const text = await declarationOf(path);
      compiled.push({ declaration: text, use: plainUse });
      await using session = await createSession(path);
      const told = [...text.matchAll(/readonly "(.*)": \{ readonly dtype: "(.*)"; readonly shape: readonly (.*) \};/g)];
      const typeOf = (shape: readonly unknown[]) =>
        `[${shape.map((dim) => (typeof dim === 'number' ? dim : 'number')).join(', ')}]`;
      // The engine does not tell an unknown rank from a scalar.
      expect(
        told.map(([, value, dtype, shape]) => [value, dtype, shape === 'number[]' ? '[]' : shape]),
        name,
      ).toEqual([...session.inputs, ...session.outputs].map(({ name: value, dtype, shape }) => [value, dtype, typeOf(shape)]));
    }
    expect(compile(...compiled)).toEqual([]);
  }, 120_000);

  const shared = fileURLToPath(new URL('../../../shared/models', import.meta.url));
  const missing = !existsSync(shared);
  if (missing) console.warn(`SKIPPED: ${shared} is missing, so no types of published models are compiled`);
  it.skipIf(missing)(
    'compiles for published models',
    async () => {
      const compiled: Compiled[] = [];
      for (const name of readdirSync(shared).filter((entry) => entry.endsWith('.onnx'))) {
        compiled.push({ declaration: await declarationOf(join(shared, name)), use: plainUse });
      }
      expect(compile(...compiled)).toEqual([]);
    },
    120_000,
  );

  it('leaves labels out that cannot be read, and tells why', async () => {
    const path = file('bad-names.onnx', named('x', 'y', { metadata: { names: '{0: ' } }));
    const { code, stdout, stderr } = await foveate(['typegen', path]);
    expect(code).toBe(0);
    expect(stdout).not.toContain('Label');
    expect(stderr).toMatch(/^The type Label is left out\. Cannot use the labels of the model's metadata "names": /);
  });

  it('is refused for what no session takes', async () => {
    const model = fromBinary(ModelProtoSchema, named('x', 'y'));
    model.graph?.output.push(
      create(ValueInfoProtoSchema, { name: 's', type: { value: { case: 'tensorType', value: { elemType: DataType.STRING } } } }),
    );
    const { code, stdout, stderr } = await foveate(['typegen', file('strings.onnx', toBinary(ModelProtoSchema, model))]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toMatch(/"s" is a tensor of string \[MODEL_UNSUPPORTED\]\nhint: /);
  });
});

describe('typegen --output', () => {
  it('replaces what typegen wrote, and other files only with --overwrite', async () => {
    const path = join(folder, 'types.d.ts');
    const call = ['typegen', models.detector, '-o', path];
    expect(await foveate(call)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const text = readFileSync(path, 'utf8');
    expect(text).toBe(await declarationOf(models.detector));
    expect((await foveate(['typegen', models.classifier, '-o', path])).code).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe(await declarationOf(models.classifier));

    writeFileSync(path, 'mine');
    const refused = await foveate(call);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/would overwrite .*types\.d\.ts, .*\[OUTPUT_NOT_WRITABLE\]\nhint: .*--overwrite/);
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect((await foveate([...call, '--overwrite'])).code).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('leaves what is there as it is where the model cannot be read, and makes nothing else', async () => {
    const place = join(folder, 'place');
    mkdirSync(place);
    writeFileSync(join(place, 'types.d.ts'), '// Made by foveate typegen x.onnx');
    const { code } = await foveate(['typegen', join(folder, 'none.onnx'), '-o', join(place, 'types.d.ts')]);
    expect(code).toBe(4);
    expect(readdirSync(place)).toEqual(['types.d.ts']);
    expect(readFileSync(join(place, 'types.d.ts'), 'utf8')).toBe('// Made by foveate typegen x.onnx');
  });

  it('is refused where it is no regular file, or lies in no folder', async () => {
    const link = join(folder, 'link');
    symlinkSync('.', link);
    for (const path of [folder, link, '/dev/null', join(folder, 'no/types.d.ts')]) {
      const { code, stderr } = await foveate(['typegen', models.detector, '-o', path]);
      expect(code, path).toBe(4);
      expect(stderr, path).toMatch(/\[OUTPUT_NOT_WRITABLE\]\nhint: /);
    }
    expect((await foveate(['typegen', models.detector, '-o', '/dev/null', '--overwrite'])).code).toBe(4);
  });
});
