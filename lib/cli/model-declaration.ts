import { ModelError } from '../errors/index.js';
import type { OnnxModel, ValueInfo } from '../graph/index.js';
import { isDType } from '../tensor/index.js';
import { printable } from '../text/index.js';

/** How a file of types begins that foveate wrote, and may replace. */
export const declarationMark = '// Made by foveate typegen';

/** What a declaration is made of. */
export interface DeclarationSource {
  /** Name of the model's file. */
  readonly file: string;
  readonly sha256: string;
  readonly graph: OnnxModel;
  /** The model's own names of its classes, if it has any. */
  readonly labels: readonly string[] | undefined;
}

/**
 * The text of a `.d.ts` with the type `Model` for `createSession`, and the type `Label` where the model names its classes. It imports
 * nothing. The same for the same model. Throws MODEL_UNSUPPORTED for inputs and outputs that are no tensors of numbers.
 */
export function modelDeclaration({ file, sha256, graph, labels }: DeclarationSource): string {
  const name = printable(file);
  const lines = [
    `${declarationMark} ${name}. Do not edit it: make it again when the model changes.`,
    `// The model's SHA-256: ${sha256}`,
    '',
    `/** For createSession<Model>: names, element types and shapes of ${comment(name)}. */`,
    'export interface Model {',
    '  readonly inputs: {',
    ...graph.inputs.flatMap(valueLines),
    '  };',
    '  readonly outputs: {',
    ...graph.outputs.flatMap(valueLines),
    '  };',
    '}',
  ];
  const names = [...new Set(labels)];
  if (names.length > 0) {
    lines.push('', "/** The model's names of its classes. */", 'export type Label =');
    lines.push(...names.map((label, i) => `  | ${literal(label)}${i === names.length - 1 ? ';' : ''}`));
  }
  return `${lines.join('\n')}\n`;
}

function valueLines({ name, kind, dtype, shape }: ValueInfo): string[] {
  if (kind !== 'tensor' || !isDType(dtype)) {
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: `Expected tensors of numbers for inputs and outputs but ${JSON.stringify(name)} is a ${kind} of ${dtype}`,
      hint: 'Sessions take and give tensors of numbers only: export the model with such inputs and outputs.',
      details: { name, kind, dtype },
    });
  }
  const sizes = shape === null ? 'of unknown shape' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`;
  const type = shape === null ? 'number[]' : `[${shape.map((dim) => (typeof dim === 'number' ? dim : 'number')).join(', ')}]`;
  return [
    `    /** ${dtype} ${comment(printable(sizes))} */`,
    `    readonly ${literal(name)}: { readonly dtype: ${literal(dtype)}; readonly shape: readonly ${type} };`,
  ];
}

/** A string literal of TypeScript. */
function literal(text: string): string {
  // JSON leaves these two as they are, which end a line.
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/** Text that does not end the comment it stands in. */
function comment(text: string): string {
  return text.replaceAll('*/', '* /');
}
