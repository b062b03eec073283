import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';

import type { Command } from 'commander';

import { ArgumentError, MediaError } from '../errors/index.js';
import { modelPath, readModel, type OnnxModel } from '../graph/index.js';
import { metadataLabels } from '../labels/index.js';
import { ModelBundle, sha256OfFile } from '../engine/index.js';
import { printable } from '../text/index.js';
import type { Invocation } from './invocation.js';
import { declarationMark, modelDeclaration } from './model-declaration.js';
import { notWritable, writeWhole } from '../text/index.js';

interface TypegenOptionValues {
  readonly output?: string;
  readonly overwrite?: boolean;
}

const examples = `
Examples:
  foveate typegen yolov8n.onnx -o yolov8n.d.ts

In TypeScript:
  import { createSession, Preprocess } from 'foveate';
  import type { Model } from './yolov8n.js';

  const session = await createSession<Model>('yolov8n.onnx');
  const { tensor } = await Preprocess.preset('yolo').run('street.jpg');
  const { outputs } = await session.run({ images: tensor.reshape([1, ...tensor.dims]) });
  outputs.output0.data; // a Float32Array; outputs.output1 does not compile`;

/** `foveate typegen MODEL` */
export function addTypegen(program: Command, invocation: Invocation): void {
  program
    .command('typegen')
    .summary('write the TypeScript types of a model')
    .description(
      "Writes a .d.ts of a model: names, element types and shapes of its inputs and outputs, and its class names, for the library's createSession.",
    )
    .argument('<model>', 'an ONNX file, or the bundle of an optimised model')
    .option('-o, --output <file>', 'where to (default: standard output); a file that typegen wrote is replaced')
    .option('--overwrite', 'replace any other file too')
    .addHelpText('after', examples)
    .action((model: string, options: TypegenOptionValues) => typegen(model, options, invocation));
}

async function typegen(model: string, { output, overwrite = false }: TypegenOptionValues, invocation: Invocation): Promise<void> {
  const { signal } = invocation;
  const bundle = await ModelBundle.at(model);
  const path = (await bundle?.wholeForm('onnxruntime', signal)) ?? modelPath('model', model);
  const graph = await readModel(path, { signal });
  const sha256 = await sha256OfFile(path, signal);
  const labels = bundle?.manifest.labels ?? labelsOf(graph, invocation);
  const text = modelDeclaration({ file: basename(bundle?.path ?? path), sha256, graph, labels });
  if (output === undefined) return invocation.out(text);
  if (!overwrite) await checkReplaceable(output);
  await writeWhole(output, (partialPath) => writeFile(partialPath, text, { signal }));
}

/** The class names in the model. Where they cannot be read, that is told: the rest is of use without them. */
function labelsOf({ metadata }: OnnxModel, invocation: Invocation): readonly string[] | undefined {
  try {
    return metadataLabels(metadata);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    invocation.tell(`The type Label is left out. ${printable(error.message)}`);
    return undefined;
  }
}

/** Throws OUTPUT_NOT_WRITABLE where there is a file that was not made by this verb. */
async function checkReplaceable(path: string): Promise<void> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw notWritable(path, error);
  }
  if (text.startsWith(declarationMark)) return;
  throw new MediaError('OUTPUT_NOT_WRITABLE', {
    message: `The output would overwrite ${path}, which foveate typegen did not write`,
    hint: 'Name another file with --output, or give --overwrite.',
  });
}
