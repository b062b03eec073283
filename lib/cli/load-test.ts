import { InvalidArgumentError, type Command } from 'commander';

import { addTaskOptions } from './bench.js';
import { parseInteger } from './build-options.js';
import type { Invocation } from './invocation.js';
import type { LoadOptionValues } from './load-test-run.js';
import { parseDuration, parsePart, parseShape } from './measuring-options.js';

const examples = `
Examples:
  foveate load-test http://127.0.0.1:8080/detect --rate 50/s --body street.jpg --header 'content-type: image/jpeg'
  foveate load-test yolov8n.onnx --data pictures/ --rate 20/s --deadline 250ms
  foveate load-test yolov8n.onnx --shape ramp:10..200 --duration 60s --plot load.svg
  foveate load-test http://127.0.0.1:8080/detect --shape spike:50,500@10s+2s --duration 20s --body a.jpg b.jpg --max-p99 200ms --max-errors 1%
  foveate load-test yolov8n.onnx --concurrency 32

With --rate or --shape, requests come when they come, however long earlier ones take, and a response time begins at the intended start: waiting that a stall
causes counts (coordinated omission is corrected). Service times, from when a request was sent, are told beside them. With --concurrency the next request is
sent when one was answered: then both are the same, and what would have come during a stall is missing.

Shapes, in requests a second: steady, ramp:10..200, spike:BASE,PEAK@START+LENGTH, steps:50,100,200. A model runs behind a DynamicBatcher, in this process. For a URL, an answer
below status 400 is a good one. The exit code is 1 where --max-p99 or --max-errors is missed. Load only what is yours.`;

/** `foveate load-test TARGET` */
export function addLoadTest(program: Command, invocation: Invocation): void {
  const command = program
    .command('load-test')
    .summary('put a model or a server under load, and tell how long answers take')
    .description('Sends requests to a model or a URL at a rate, or so many at a time, and tells response times second by second.')
    .argument('<target>', 'an ONNX file or a bundle, or an http(s) URL');
  command.optionsGroup('Load:');
  command
    .option('--rate <rate>', 'requests that come in a time, as 50/s or 600/min', parseRate)
    .option('--shape <shape>', 'how the rate changes: steady, ramp, spike or steps (default: steady)')
    .option('--constant', 'requests come evenly (default: as a Poisson process)')
    .option('--max-in-flight <n>', 'more wait, which is part of their response time (default: 1024)', parseInteger)
    .option(
      '--concurrency <n>',
      'so many in flight, and the next when one was answered; not with --rate or --shape',
      parseInteger,
    )
    .option('--think <time>', 'with --concurrency: between an answer and the next request (default: none)', parseDuration)
    .option('--duration <time>', 'as 30s or 5m (default: 10s)', parseDuration)
    .option('--deadline <time>', 'a request that takes longer from its intended start has failed', parseDuration)
    .option('--seed <n>', 'of arrivals and random tensors (default: 0)', parseInteger);
  command.optionsGroup('URL:');
  command
    .option('--body <file...>', 'what is sent, in turn')
    .option('--header <header...>', "as 'content-type: image/jpeg'")
    .option('--method <name>', '(default: POST with a body, else GET)');
  command.optionsGroup('Limits and output:');
  command
    .option(
      '--max-p99 <time>',
      'exit code 1 where the p99 of response times is above; failed requests count as infinitely slow',
      parseDuration,
    )
    .option('--max-errors <part>', 'exit code 1 where more requests fail, as 1% or 0.01', parsePart)
    .option('--save <file>', 'write all numbers there, as JSON')
    .option('--csv <file>', 'write a row for each second there')
    .option('--markdown <file>', 'write a report there')
    .option('--plot <file>', 'write a plot there, as SVG')
    .option('--json', 'print one JSON document')
    .option('-q, --quiet', 'no progress');
  command.optionsGroup('Serving a model:');
  command
    .option('--data <path>', 'pictures: a folder, a file or a pattern; the first 64 are sent in turn (default: random tensors)')
    .option(
      '--input-shape <input=sizes>',
      'sizes of one sample where the model leaves them free, as in images=3x640x640',
      parseShape,
    )
    .option('--lanes <n>', 'runs at the same time (default: 1)', parseInteger)
    .option('--threads <n>', 'threads inside one run (default: the cores divided by the lanes)', parseInteger)
    .option('--max-batch <n>', 'the most requests of a batch (default: 8)', parseInteger)
    .option('--max-delay <time>', 'how long a request waits for others (default: 50ms)', parseDuration);
  addTaskOptions(command);
  command
    .addHelpText('after', examples)
    .action(async (target: string, options: LoadOptionValues) =>
      (await import('./load-test-run.js')).run(target, options, invocation),
    );
}

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3600 };

/** `50`, `50/s`, `600/min`, in requests a second. */
function parseRate(text: string): number {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(?:\/(s|m|min|h))?$/.exec(text) ?? [];
  const rate = Number(number) / (seconds[unit] as number);
  if (!(rate > 0)) throw new InvalidArgumentError('Expected a rate, as 50/s or 600/min.');
  return rate;
}
