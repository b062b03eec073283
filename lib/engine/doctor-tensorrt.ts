/** What the doctor finds of TensorRT. */
import { FoveateError } from '../errors/index.js';
import type { Finding } from './doctor.js';
import { openTensorRt, tensorRtRemedy } from './tensorrt.js';
import type { TensorRtCandidate, TensorRtFamily } from './tensorrt-libraries.js';

/** A TensorRT library. Usable: it can build engines on this machine, or run them. */
export interface TensorRtFinding extends Finding {
  readonly family: TensorRtFamily;
  /** Absent where it cannot be opened. */
  readonly version?: string;
  readonly path: string;
  /** The ONNX parser that goes with it. */
  readonly parserPath?: string;
  /** Why it was found: an environment variable, an environment of Python. */
  readonly origin: string;
  readonly canBuild: boolean;
  /** Absent where it can. */
  readonly buildObstacle?: string;
  readonly canRun: boolean;
  /** Absent where it can. */
  readonly runObstacle?: string;
}

/** Opens a library and asks it what it can do. A broken one can take the process down with it. */
export async function diagnoseTensorRt(candidate: TensorRtCandidate): Promise<TensorRtFinding> {
  try {
    const { family, version, buildObstacle, runObstacle } = await openTensorRt(candidate);
    const usable = buildObstacle === undefined || runObstacle === undefined;
    return {
      usable,
      detail: `${version}, ${abilities(buildObstacle, runObstacle)}`,
      ...(usable ? {} : { remedy: remedyWithoutGpu }),
      ...knownBeforehand(candidate),
      family,
      version,
      canBuild: buildObstacle === undefined,
      ...(buildObstacle === undefined ? {} : { buildObstacle }),
      canRun: runObstacle === undefined,
      ...(runObstacle === undefined ? {} : { runObstacle }),
    };
  } catch (error) {
    if (!(error instanceof FoveateError)) throw error;
    return unusableTensorRt(
      candidate,
      error.message,
      error.hint ?? 'Install it again, or name another one with FOVEATE_TENSORRT_PATH.',
    );
  }
}

/** The finding for a library that cannot be opened. */
export function unusableTensorRt(candidate: TensorRtCandidate, detail: string, remedy: string): TensorRtFinding {
  const obstacle = 'it cannot be opened';
  return {
    usable: false,
    detail,
    remedy,
    ...knownBeforehand(candidate),
    canBuild: false,
    buildObstacle: obstacle,
    canRun: false,
    runObstacle: obstacle,
  };
}

/** What the devices 'tensorrt' and 'tensorrt-rtx' lack: this version builds engines at most. */
export function diagnoseTensorRtDevice(device: 'tensorrt' | 'tensorrt-rtx', libraries: readonly TensorRtFinding[]): Finding {
  const versions = libraries.flatMap(({ family, version }) => (family === device && version !== undefined ? [version] : []));
  const there = versions.length > 0 ? `the library is there (${versions.join(', ')})` : 'there is no library that can be opened';
  return {
    usable: false,
    detail: `${there}; running engines comes in a later version of foveate`,
    remedy: versions.length > 0 ? "Use device 'auto' or 'cpu'." : tensorRtRemedy(device),
  };
}

const remedyWithoutGpu =
  'It needs an NVIDIA GPU and its driver. TensorRT-RTX builds engines without them: npx foveate install tensorrt-rtx.';

function knownBeforehand({ family, path, parserPath, origin }: TensorRtCandidate) {
  return { family, path, ...(parserPath === undefined ? {} : { parserPath }), origin };
}

function abilities(buildObstacle: string | undefined, runObstacle: string | undefined): string {
  if (buildObstacle === undefined && runObstacle === undefined) return 'builds and runs engines';
  if (buildObstacle === undefined) return `builds engines; cannot run them: ${runObstacle}`;
  if (runObstacle === undefined) return `runs engines; cannot build them: ${buildObstacle}`;
  if (buildObstacle === runObstacle) return `can neither build nor run engines: ${buildObstacle}`;
  return `cannot build engines: ${buildObstacle}; cannot run them: ${runObstacle}`;
}
