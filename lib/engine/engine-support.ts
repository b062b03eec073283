/** Which operators of a model a TensorRT library takes. */
import { native, settle } from '../binding/index.js';
import { chooseTensorRt } from './tensorrt.js';
import { checkOptions } from '../errors/index.js';
import { readSource } from './build-model.js';
import { checkBuildOptions } from './build-options.js';

/** What of a model can be built. */
export interface SupportReport {
  /** Whether all of it can. */
  readonly supported: boolean;
  /** The library that was asked, such as 'tensorrt-rtx 1.7.1'. */
  readonly library: string;
  /** How many nodes of each operator the library objects to, and how many it does not. */
  readonly operators: readonly { readonly op: string; readonly supported: number; readonly unsupported: number }[];
  /** What the parser objects to: the node's name and operator, '' where it does not say. */
  /** `where`: in the source of NVIDIA's parser, for those who ask NVIDIA. */
  readonly faults: readonly { readonly node: string; readonly op: string; readonly reason: string; readonly where: string }[];
}

/** Throws as `buildEngine` does for the library and for a model that cannot be read; what cannot be built is told, not thrown. */
export async function checkEngineSupport(
  model: string | URL | Uint8Array,
  options: { device: string; tensorrtPath?: string | undefined; signal?: AbortSignal | undefined },
): Promise<SupportReport> {
  checkOptions('options', options ?? null, ['device', 'tensorrtPath', 'signal']);
  checkBuildOptions(options);
  const { device, tensorrtPath, signal } = options;
  const [source, library] = await Promise.all([readSource(model, signal), chooseTensorRt(device, tensorrtPath)]);
  const { bytes, model: read } = await source.read();
  const { supported, faults } = await settle(
    (operation) => native().engineSupport(library.handle, { bytes, path: source.path }, operation),
    signal,
  );
  const objected = new Set(faults.map(({ nodeIndex }) => nodeIndex));
  const counts = new Map<string, { supported: number; unsupported: number }>();
  read.nodes.forEach(({ opType }, index) => {
    const count = counts.get(opType) ?? { supported: 0, unsupported: 0 };
    count[objected.has(index) ? 'unsupported' : 'supported']++;
    counts.set(opType, count);
  });
  return {
    supported,
    library: `${library.family} ${library.version}`,
    operators: [...counts].map(([op, count]) => ({ op, ...count })).sort((a, b) => (a.op < b.op ? -1 : 1)),
    faults: faults.map(({ node, op, reason, where }) => ({ node, op, reason, where })),
  };
}
