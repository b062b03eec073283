/** What `foveate inspect BUNDLE` and `foveate build` print. */
import {
  capabilityText,
  type EngineBundle,
  type EngineLayer,
  type EngineLayerTensor,
  type EngineManifest,
  type EngineTensorInfo,
} from '../engine/index.js';
import { alignRows, printable, type Cell } from '../text/index.js';
import { paint } from './color.js';

/** A bundle in lines; with its layers where they are wanted. `source` is the name of its model: the file may have had another when it was built. */
export function bundleLines(
  { path, manifest }: EngineBundle,
  layers: readonly EngineLayer[] | undefined,
  source = manifest.model.source,
): string[] {
  const { engine, build } = manifest;
  return [
    `${paint(process.stdout, 'bold', printable(path))}  engine of ${printable(source)}`,
    ...alignRows([
      ['library', `${engine.family} ${engine.version}, ${engine.platform}`],
      ['for', gpuText(engine)],
      ['engine', `${megabytes(engine.bytes)}, sha256 ${engine.sha256.slice(0, 16)}`],
      [
        'layers',
        `${build.engineLayers}, made of ${build.networkLayers} of the model, built in ${(build.ms / 1000).toFixed(1)} s`,
      ],
      ...manifest.passes.map((pass): readonly Cell[] => ['pass', passText(pass)]),
      ...manifest.inputs.map((tensor): readonly Cell[] => ['input', tensorText(tensor)]),
      ...manifest.outputs.map((tensor): readonly Cell[] => ['output', tensorText(tensor)]),
      ...manifest.profiles.flatMap((profile, i) =>
        profile.map(({ input, min, opt, max }): readonly Cell[] => [
          manifest.profiles.length === 1 ? 'profile' : `profile ${i}`,
          `${input}: [${min.join(', ')}] to [${max.join(', ')}], fast at [${opt.join(', ')}]`,
        ]),
      ),
      ...optionRows(manifest.options),
      ...(manifest.labels === undefined ? [] : [['labels', `${manifest.labels.length} classes`]]),
    ]),
    ...(layers === undefined ? [] : ['', paint(process.stdout, 'bold', 'Layers'), ...layerRows(layers)]),
  ];
}

/** Options that are told in rows of their own. */
const toldElsewhere = ['profiles', 'batch', 'preprocess', 'labels'];

function optionRows(options: EngineManifest['options']): Cell[][] {
  const given = Object.entries(options).filter(([name]) => !toldElsewhere.includes(name));
  return given.map(([name, value]) => ['option', printable(`${name}: ${JSON.stringify(value)}`)]);
}

function layerRows(layers: readonly EngineLayer[]): string[] {
  const side = (tensors: readonly EngineLayerTensor[]): string =>
    tensors
      .map(({ dims, dtype, format }) => `${dtype} [${dims.map((size) => (size < 0 ? '?' : size)).join(', ')}] ${format}`)
      .join('; ');
  return alignRows(layers.map(({ name, type, outputs }, i) => [{ number: String(i) }, type, shortened(name), side(outputs)]));
}

/** A fused layer is called by all that it was made of. */
function shortened(name: string): string {
  return name.length > 48 ? `${name.slice(0, 45)}...` : name;
}

function gpuText({ computeCapabilities, gpu: builtOn, hardwareCompatibility }: EngineManifest['engine']): string {
  const named = computeCapabilities.map(capabilityText);
  const itsOwn =
    builtOn === undefined ? 'the GPU that it was built on' : `${builtOn.name}, ${capabilityText(builtOn.computeCapability)}`;
  const gpu = named.length === 0 ? itsOwn : `compute capability ${named.join(', ')}`;
  return hardwareCompatibility === 'none' ? gpu : `${gpu}, ${hardwareCompatibility}`;
}

function passText(pass: EngineManifest['passes'][number]): string {
  if (pass.pass === 'free-batch') return 'the batch axis was made free';
  const { scale, mean, std } = pass.values;
  const words = [
    `scale ${scale === 1 / 255 ? '1/255' : scale}`,
    ...(mean.every((value) => value === 0) ? [] : [`mean ${mean.join(' ')}`]),
    ...(std.every((value) => value === 1) ? [] : [`std ${std.join(' ')}`]),
  ];
  return `the input takes pixels: ${words.join(', ')} is part of the engine`;
}

function tensorText({ name, dtype, shape }: EngineTensorInfo): string {
  return `${name}  ${dtype} [${shape.map((size) => size ?? '?').join(', ')}]`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toPrecision(3)} MB`;
}
