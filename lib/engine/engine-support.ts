/** Which operators of a model a TensorRT library takes. */
import { native, settle } from '../binding/index.js';
import { chooseTensorRt } from './tensorrt.js';
import { readSource } from './build-model.js';

/** What of a model can be built. */
export interface SupportReport {
  /** Whether all of it can. */
  readonly supported: boolean;
  /** The library that was asked, such as 'tensorrt-rtx 1.7.1'. */
  readonly library: string;
  /** How many nodes of each operator are in parts that can be built, and in parts that cannot. */
  readonly operators: readonly { readonly op: string; readonly supported: number; readonly unsupported: number }[];
  /** What the parser objects to: the node's name and operator, '' where it does not say. */
  readonly faults: readonly { readonly node: string; readonly op: string; readonly reason: string }[];
}

/** Throws as `buildEngine` does for the library and for a model that cannot be read; what cannot be built is told, not thrown. */
export async function checkEngineSupport(
  model: string | URL | Uint8Array,
  { device, tensorrtPath, signal }: { device: string; tensorrtPath?: string | undefined; signal?: AbortSignal | undefined },
): Promise<SupportReport> {
  const [source, library] = await Promise.all([readSource(model, signal), chooseTensorRt(device, tensorrtPath)]);
  const { supported, parts, faults } = await settle(
    (operation) => native().engineSupport(library.handle, { bytes: source.bytes, path: source.path }, operation),
    signal,
  );
  const counts = new Map<string, { supported: number; unsupported: number }>();
  for (const part of parts) {
    for (const index of part.nodes) {
      const op = source.model.nodes[index]?.opType ?? 'unknown';
      const count = counts.get(op) ?? { supported: 0, unsupported: 0 };
      count[part.supported ? 'supported' : 'unsupported']++;
      counts.set(op, count);
    }
  }
  return {
    supported,
    library: `${library.family} ${library.version}`,
    operators: [...counts].map(([op, count]) => ({ op, ...count })).sort((a, b) => (a.op < b.op ? -1 : 1)),
    faults: faults.map(({ node, op, reason }) => ({ node, op, reason })),
  };
}
