/**
 * `npm run demo`: prepares the checkout, builds it, and runs the main jobs: pictures in, results and drawn pictures out, with
 * the three small models of examples/models; one of them held against labels, and let through a gate; and one made INT8.
 */
import { join, relative } from 'node:path';

import { buildTypeScript } from './build-typescript.mjs';
import { projectRoot, runVisibly } from './commands.mjs';
import { setUp } from './setup/setup.mjs';

const output = join(projectRoot, 'build/demo');
const intoOutput = ['-o', relative(projectRoot, output), '--overwrite'];
const evaluation = `${relative(projectRoot, output)}/eval`;
const bundle = `${relative(projectRoot, output)}/shapes-classifier.bundle`;
const example = (path) => join('examples', path);

/** What a user would type after `npx`. */
const commands = [
  ['run', example('models/shapes-detector.onnx'), example('pictures/shapes-*'), ...intoOutput],
  [
    'run',
    example('models/shapes-classifier.onnx'),
    example('pictures/{circle,cross,ring,square,star,triangle}.jpg'),
    '--top-k',
    '3',
  ],
  [
    'run',
    example('models/shapes-segmenter.onnx'),
    ...['400x300.jpg', '320x320.jpg', '256x256.png'].map((name) => example(`pictures/segment-${name}`)),
    ...intoOutput,
  ],
  ['eval', example('models/shapes-detector.onnx'), '--data', example('pictures/detect.json'), '-o', evaluation, '--overwrite'],
  ['gate', example('gate.yaml'), `${evaluation}/results.json`],
  // So few pictures would stop the calibration.
  [
    ...['optimize', example('models/shapes-classifier.onnx'), '--data', example('pictures'), '--precision', 'int8'],
    ...['--pictures', '8', '--force', '-o', bundle],
  ],
  ['run', bundle, example('pictures/star.jpg'), '--top-k', '3'],
  ['doctor'],
];

try {
  await setUp('demo');
  await runVisibly('node', ['scripts/setup/build-addon.mjs']);
  await buildTypeScript();
  for (const command of commands) {
    console.log(`\n$ foveate ${command.join(' ')}`);
    await runVisibly('node', [join(projectRoot, 'dist/bin/main.js'), ...command]);
  }
  const shown = relative(process.cwd(), output);
  console.log(`\nThe drawn pictures are in ${shown}/, and what the evaluation found is in ${shown}/eval/report.html.`);
} catch (error) {
  console.error(error.message);
  process.exitCode = error.exitCode ?? 1;
}
