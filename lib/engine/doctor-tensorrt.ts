/** What the doctor finds of TensorRT. */
import { dirname } from 'node:path';

import { FoveateError } from '../errors/index.js';
import type { Finding } from './doctor.js';
import type { EngineDevice } from './run-engine.js';
import { buildObstacleOf, openTensorRt, parserRemedy, tensorRtRemedy } from './tensorrt.js';
import { runEngineTrial } from './trial.js';
import type { TensorRtCandidate, TensorRtFamily } from './tensorrt-libraries.js';
import { installOrigin, tensorRtVariable } from './tensorrt-places.js';

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
    const library = await openTensorRt(candidate);
    const { family, version, runObstacle } = library;
    const buildObstacle = buildObstacleOf(library);
    const usable = buildObstacle === undefined || runObstacle === undefined;
    return {
      usable,
      detail: `${version}, ${abilities(buildObstacle, runObstacle)}`,
      ...(usable ? {} : { remedy: remedyFor(candidate) }),
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
    const hint = error.hint ?? `Install it again, or name another one with ${tensorRtVariable}.`;
    return unusableTensorRt(candidate, error.message, remedyForDamage(candidate, hint));
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

/** What to do about a library that is damaged. `foveate install` takes what lies in its place for whole. */
export function remedyForDamage({ origin, path }: TensorRtCandidate, otherwise: string): string {
  return origin === installOrigin ? `Delete ${dirname(dirname(path))}, then: npx foveate install tensorrt-rtx.` : otherwise;
}

/** Findings with a way to build engines without a GPU, where no library is there that builds them. */
export function adviseTensorRtRtx(findings: readonly TensorRtFinding[]): readonly TensorRtFinding[] {
  if (findings.some(({ canBuild }) => canBuild)) return findings;
  return findings.map((finding) => {
    const { family, version, remedy } = finding;
    if (version === undefined || family === 'tensorrt-rtx' || remedy === undefined) return finding;
    return { ...finding, remedy: `${remedy} TensorRT-RTX builds engines without them: npx foveate install tensorrt-rtx.` };
  });
}

/** Builds a small engine for a device, and runs it. */
export async function diagnoseTensorRtDevice(device: EngineDevice, libraries: readonly TensorRtFinding[]): Promise<Finding> {
  const own = libraries.filter(({ family, version }) => family === device && version !== undefined);
  const [first] = own;
  if (first === undefined)
    return { usable: false, detail: 'there is no library that can be opened', remedy: tensorRtRemedy(device) };
  const obstacle = own.every(({ canRun }) => !canRun) ? first.runObstacle : undefined;
  if (obstacle !== undefined) {
    return {
      usable: false,
      detail: `${first.version as string} is there, but ${obstacle}`,
      remedy: "Use device 'auto' or 'cpu' on this machine.",
    };
  }
  try {
    await runEngineTrial(device);
    return { usable: true, detail: 'an engine was built and run' };
  } catch (error) {
    if (!(error instanceof FoveateError)) throw error;
    return { usable: false, detail: error.message, ...(error.hint === undefined ? {} : { remedy: error.hint }) };
  }
}

/** For a library that can be opened and neither builds nor runs engines. */
function remedyFor(candidate: TensorRtCandidate): string {
  const parser = parserRemedy(candidate);
  if (parser === undefined) return needsGpu;
  return candidate.family === 'tensorrt-rtx' ? parser : `${parser} ${needsGpu}`;
}

const needsGpu = 'It needs an NVIDIA GPU and its driver.';

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
