/**
 * For the stand-in of TensorRT, whose classes derive from those of NVIDIA's headers: for every class that it implements, one whose methods all end
 * the process, naming themselves. What the stand-in overrides of them is what foveate may call; a wrong slot of ours ends up in one of the others.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The layouts for which there are headers, and the folder of the release that stands for each. */
export const layouts = { trt11: 'TRT-Enterprise-11.4', rtx10: 'TRT-RTX-1.4', rtx11: 'TRT-RTX-1.7' };

const implemented = {
  'NvInferImpl.h': [
    ...['VHostMemory', 'VRuntime', 'VCudaEngine', 'VExecutionContext', 'VEngineInspector', 'VRefitter', 'VTensor'],
    ...['VOptimizationProfile', 'VNetworkDefinition', 'VBuilderConfig', 'VBuilder'],
  ],
  'NvOnnxParser.h': ['IParser', 'IParserError'],
};

/** The text of a class, between its braces. */
function bodyOf(header, name) {
  const start = new RegExp(`class ${name}\\b[^;{]*\\{`).exec(header);
  if (start === null) throw new Error(`The headers have no class ${name}`);
  const from = start.index + start[0].length;
  return header.slice(from, header.indexOf('};', from));
}

function stub(owner, declaration) {
  const plain = declaration.replace(/\bvirtual\b|\[\[.*?\]\]|__attribute__\(\(.*?\)\)/g, '').replace(/\s+/g, ' ');
  const [, result, name, parameters, rest] = /^ ?(.*?[ *&])(\w+)\((.*)\)([^)]*)= 0 ?$/.exec(plain) ?? [];
  if (name === undefined) throw new Error(`Cannot read the method "${plain}" of ${owner}`);
  return `    ${result}${name}(${parameters})${rest}override { unused("${owner}::${name}"); }`;
}

/** A header as the compiler sees it. */
function preprocessed(release, file) {
  const args = ['-E', '-x', 'c++', '-std=c++20', '-I', release, '-I', join(release, '..'), join(release, file)];
  const { status, stdout, stderr } = spawnSync('g++', args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`The header ${file} cannot be read:\n${stderr}`);
  return stdout.replace(/^#.*/gm, '');
}

/** Writes stubs.h for one release into a folder. */
export function writeStubs(release, folder) {
  const lines = [];
  for (const [file, owners] of Object.entries(implemented)) {
    const header = preprocessed(release, file);
    for (const owner of owners) {
      const methods = bodyOf(header, owner)
        .split(';')
        .filter((text) => /\bvirtual\b/.test(text) && /= 0\s*$/.test(text));
      // Access specifiers stand before the first method after them.
      const stubs = methods.map((text) => stub(owner, text.replace(/[\s\S]*\b(public|protected|private):/, '')));
      const base = owner.startsWith('V') ? `apiv::${owner}` : owner;
      const space = owner.startsWith('V') ? 'nvinfer1' : 'nvonnxparser';
      lines.push(`namespace ${space} {`, `struct ${owner}Stub : ${base} {`, ...stubs, '};', '}');
    }
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'stubs.h'), `${lines.join('\n')}\n`);
}
