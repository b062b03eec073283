/**
 * What 500 engines built one after the other leave behind, beside the same loop on the bare library: a C++ program with NVIDIA's own headers. Three
 * processes take turns, 50 engines each, and are looked at in between:
 *
 *     node bench/engines/cycles.mjs [--write bench/results/engine-cycles.md]
 *
 * Needs TensorRT-RTX (`foveate install tensorrt-rtx`, or FOVEATE_TENSORRT_PATH), g++, and cargo, which brings the headers. No GPU.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';

import { chooseTensorRt } from '../../dist/engine/tensorrt.js';
import { buildEngine } from '../../dist/index.js';
import { projectRoot, runVisibly } from '../../scripts/commands.mjs';
import { tensorRtHeaders } from '../../scripts/setup/tensorrt-headers.mjs';
import { median, Peer } from '../statistics.mjs';

const { values: options } = parseArgs({ options: { write: { type: 'string' } } });
const blocks = 10;
const cyclesPerBlock = 50;
const model = join(projectRoot, 'examples/models/shapes-classifier.onnx');
const library = await chooseTensorRt('tensorrt-rtx');
const folder = mkdtempSync(join(tmpdir(), 'foveate-cycles-'));
process.env.FOVEATE_CACHE_DIR = join(folder, 'cache');

async function buildBare() {
  const program = join(projectRoot, 'build/bench/bare_build');
  mkdirSync(join(program, '..'), { recursive: true });
  const [major, minor] = library.version.split('.');
  const headers = await tensorRtHeaders();
  const includes = ['-I', headers, '-I', join(headers, `TRT-RTX-${major}.${minor}`)];
  const source = join(import.meta.dirname, 'bare_build.cc');
  await runVisibly('g++', ['-std=c++20', '-O2', '-w', ...includes, source, '-o', program, '-ldl']);
  return program;
}

/** The model as the package gives it to the builder, the name of the network, and the shapes: all sides build the same engine. */
async function whatIsBuilt() {
  const { bundle } = await buildEngine(model, { device: 'tensorrt-rtx', computeCapability: 89 });
  const { manifest } = bundle;
  const sha256 = createHash('sha256').update(readFileSync(model)).digest('hex');
  return { passed: join(bundle.path, manifest.model.file), name: `foveate-${sha256.slice(0, 16)}`, profiles: manifest.profiles };
}

/** MB that the process occupies, its threads and its open files. */
function look(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const number = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1]);
  return { mb: number('VmRSS') / 1024, threads: number('Threads'), files: readdirSync(`/proc/${pid}/fd`).length };
}

class Side {
  looks = [];
  ms = [];
  #child;
  #peer;
  #engine;

  constructor(name, command, args) {
    this.name = name;
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#peer = new Peer(this.#child);
    this.#engine = join(folder, `${this.#child.pid}.plan`);
  }

  async build(count) {
    const { ms } = await this.#peer.ask(`${count} ${this.#engine}`);
    this.ms.push(...ms);
    this.looks.push(look(this.#child.pid));
  }

  /** The last engine that it built. */
  engine() {
    return readFileSync(this.#engine);
  }

  /** KB per engine, over all but the first two blocks. */
  growth() {
    return ((this.looks.at(-1).mb - this.looks[2].mb) * 1024) / (cyclesPerBlock * (blocks - 2));
  }

  end() {
    this.#peer.end();
  }
}

const bare = await buildBare();
const { passed, name, profiles } = await whatIsBuilt();
const [[{ input, min, opt, max }]] = profiles;
const peer = ['--expose-gc', join(import.meta.dirname, 'cycles-peer.mjs')];
const sides = [
  new Side('bare library', bare, [
    library.path,
    library.parserPath,
    passed,
    name,
    input,
    ...[min, opt, max].map((shape) => shape.join('x')),
  ]),
  new Side('engineBuild of the addon', process.execPath, [...peer, 'addon', passed, name, JSON.stringify(profiles)]),
  new Side('buildEngine', process.execPath, [...peer, 'package', model, name, JSON.stringify(profiles)]),
];
let same = 0;
for (let block = 0; block <= blocks; block++) {
  for (const side of sides) await side.build(block === 0 ? 0 : cyclesPerBlock);
  if (block > 0 && sides.every((side) => side.engine().equals(sides[0].engine()))) same++;
  console.error(
    `${block * cyclesPerBlock}: ${sides.map(({ name, looks }) => `${name} ${looks.at(-1).mb.toFixed(1)} MB`).join(', ')}`,
  );
}
for (const side of sides) side.end();
rmSync(folder, { recursive: true });

const row = (what, cell) => `| ${[what, ...sides.map(cell)].join(' | ')} |`;
const change = (key) => (side) => `${side.looks[1][key]}, ${side.looks.at(-1)[key]}`;
const text = [
  '# Engines built one after the other',
  '',
  `\`node bench/engines/cycles.mjs\`: ${blocks * cyclesPerBlock} engines of ${basename(model)} for compute capability 8.9, ${library.family} ${library.version},`,
  `${cpus()[0].model.trim()}, ${availableParallelism()} cores, Node ${process.version}. Three processes take turns, ${cyclesPerBlock} engines each. A cycle makes a builder, a network, a`,
  'configuration, a timing cache and a parser, parses, builds, and frees everything, the engine too. The bare library is called from C++ with',
  "NVIDIA's headers; engineBuild does the same from JavaScript; buildEngine is what a user calls: it also reads and recognises the model, bakes its preprocessing, and writes",
  `the bundle. The engines of all three were the same, byte for byte, in ${same} of ${blocks} comparisons; where the batch is free, as here,`,
  'the builder numbers parts of its own in an order that varies.',
  '',
  'Opening the library is not part of a cycle: it happens once in a process, and the library is never closed, because what its constructors started cannot be taken',
  'back. What it costs is in the row of 0 engines, beside Node itself. JavaScript is collected before each look.',
  '',
  row('', (side) => side.name),
  row('---', () => '---'),
  ...sides[0].looks.map((_, i) => row(`resident after ${i * cyclesPerBlock} engines, MB`, ({ looks }) => looks[i].mb.toFixed(1))),
  row(`growth over the last ${cyclesPerBlock * (blocks - 2)}, KB per engine`, (side) => side.growth().toFixed(1)),
  row('ms per engine, median', ({ ms }) => median(ms).toFixed(1)),
  row(`open files after ${cyclesPerBlock} and ${blocks * cyclesPerBlock} engines`, change('files')),
  row(`threads after ${cyclesPerBlock} and ${blocks * cyclesPerBlock} engines`, change('threads')),
  '',
].join('\n');
console.log(text);
if (options.write) writeFileSync(options.write, text);
