import { Option, type Command } from 'commander';

import type { ArgMaxValues, CutValues, EditValues, ExtractValues, TopKValues } from './graph-edit-run.js';
import type { Invocation } from './invocation.js';
import { parseNumber } from './task-options.js';

const examples = `
Examples:
  foveate graph diff model.onnx exported-anew.onnx
  foveate graph normalize yolov8n.onnx -o normalised.onnx
  foveate graph cut resnet50.onnx --outputs /avgpool/output -o embedder.onnx
  foveate graph extract model.onnx --inputs features --outputs scores -o head.onnx
  foveate graph rename model.onnx input.1=image 495=scores -o named.onnx
  foveate graph argmax segmenter.onnx -o classes.onnx
  foveate graph topk classifier.onnx --k 5 --softmax -o top5.onnx

A model is an ONNX file with the files of its tensors beside it, or a bundle of foveate optimize: the form for ONNX Runtime. What is written is
whole or not there; it has all tensors in it, or above 1 GiB in a file of its own beside it, OUTPUT.data.`;

const exampleOfDiff = `
Examples:
  foveate graph diff yolov8n.onnx yolov8n.int8.onnx
  foveate graph diff model.onnx exported-anew.onnx --json | jq .initializers.changed

Names of nodes, texts for people and the order of nodes do not count, nor where a tensor is stored. Long lists are cut: --json has all of them.
The exit code is 0 where the graphs are the same, and 1 where they differ.`;

const exampleOfExtract = `
Example:
  foveate graph extract detector.onnx --inputs /neck/p3,/neck/p4,/neck/p5 --outputs boxes,scores -o head.onnx

The inputs are all that the part takes, in this order. What it needs beside them is named.`;

const exampleOfCut = `
Example:
  foveate graph cut detector.onnx --outputs /head/boxes,/head/scores -o before-nms.onnx

What does not lead to these values is left out, inputs too.`;

const exampleOfRename = `
Example:
  foveate graph rename model.onnx input.1=image 495=scores -o named.onnx

Inputs, outputs, and all values between have names. The name that is now is what stands before the first =; names can be exchanged: a=b b=a.`;

const exampleOfArgMax = `
Examples:
  foveate graph argmax segmenter.onnx -o classes.onnx
  foveate graph argmax segmenter.onnx --model-output logits --axis -1 --dtype int64 -o classes.onnx

The output keeps its name. Of equal scores the first class wins.`;

const exampleOfTopK = `
Example:
  foveate graph topk classifier.onnx --k 5 --softmax -o top5.onnx

The output keeps its name and gives the best scores, best first; a second one, its name with _ids, gives their classes.`;

const exampleOfNormalize = `
Example:
  foveate graph normalize yolov8n.onnx -o normalised.onnx

In opset 17 or newer: weights and constants as initializers, what constants alone make computed by ONNX Runtime, nothing that nobody reads, padding
and matrix products in one form, batch normalisation folded into the weights. This is what foveate optimize starts from.`;

/** Loaded when one of them is called. */
const edits = () => import('./graph-edit-run.js');

/** `foveate graph diff|extract|cut|rename|argmax|topk|normalize` */
export function addGraph(program: Command, invocation: Invocation): void {
  const graph = program
    .command('graph')
    .summary('compare, cut and change the graphs of models')
    .description('Reads and writes the graphs of models; all but normalize execute nothing.')
    .addHelpText('after', examples);
  graph
    .command('diff')
    .summary('tell what differs between two graphs')
    .description('Compares two graphs: inputs and outputs, operators, nodes with their attributes, and weights.')
    .argument('<a>', 'how the model was')
    .argument('<b>', 'how it is')
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOfDiff)
    .action(async (a: string, b: string) => (await import('./graph-diff-run.js')).run(a, b, invocation));

  edit(graph, 'extract', 'take the part between some values', exampleOfExtract)
    .description('Writes the part of a model between some of its values, as a model of its own.')
    .addOption(names('--inputs <a,b>', 'what is given to the part: values of the model'))
    .addOption(names('--outputs <a,b>', 'what the part gives'))
    .action(async (model: string, options: ExtractValues) => (await edits()).extract(model, options, invocation));
  edit(graph, 'cut', 'make other values the outputs', exampleOfCut)
    .description('Writes a model with any of its values in the place of its outputs.')
    .addOption(names('--outputs <a,b>', 'the new outputs, in this order'))
    .action(async (model: string, options: CutValues) => (await edits()).cut(model, options, invocation));
  edit(graph, 'rename', 'give values other names', exampleOfRename)
    .description('Writes a model with other names for some of its values.')
    .argument('<old=new...>', 'what is renamed')
    .action(async (model: string, renames: readonly string[], options: EditValues) =>
      (await edits()).rename(model, renames, options, invocation),
    );
  edit(graph, 'argmax', 'give class numbers instead of scores', exampleOfArgMax)
    .description('Writes a model that gives the number of the best class in the place of the scores of all.')
    .option('--model-output <name>', 'the output with scores (default: the only one)')
    .addOption(
      new Option('--axis <n>', 'the axis of the classes; from the end where negative (default: 1)').argParser(parseNumber),
    )
    .addOption(
      new Option('--dtype <name>', 'of the class numbers (default: uint8 for at most 256 classes, else int32)').choices([
        'uint8',
        'int32',
        'int64',
      ]),
    )
    .action(async (model: string, options: ArgMaxValues) => (await edits()).argMax(model, options, invocation));
  edit(graph, 'topk', 'give the best classes instead of all scores', exampleOfTopK)
    .description('Writes a model that gives the best scores and their classes in the place of the scores of all.')
    .addOption(new Option('--k <n>', 'how many').argParser(parseNumber).makeOptionMandatory())
    .option('--softmax', 'the scores are logits: make probabilities of them first')
    .option('--model-output <name>', 'the output with scores (default: the only one)')
    .action(async (model: string, options: TopKValues) => (await edits()).topK(model, options, invocation));
  edit(graph, 'normalize', 'bring a model into the form that quantisation starts from', exampleOfNormalize)
    .description('Writes a model that gives the same with fewer, simpler nodes.')
    .action(async (model: string, options: EditValues) => (await edits()).normalize(model, options, invocation));
}

/** A verb that writes a model. */
function edit(graph: Command, name: string, summary: string, example: string): Command {
  return graph
    .command(name)
    .summary(summary)
    .argument('<model>', 'an ONNX file, or a bundle of foveate optimize')
    .requiredOption('-o, --output <file>', 'where the model is written; what is there is replaced')
    .addHelpText('after', example);
}

/** Names of values, with commas between. */
function names(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string) => text.split(',')).makeOptionMandatory();
}
