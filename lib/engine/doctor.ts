/**
 * What foveate needs on a machine, what is there, and what to do about the rest. Plain data; the CLI shows it.
 */
import { createRequire } from 'node:module';

import { binding, glibcVersion, packageVersion, platformName, type NativeRuntime } from '../binding/index.js';
import { FoveateError } from '../errors/index.js';
import { loadSharp } from '../image/general-decoder.js';
import { chooseDevice, devices, deviceUnavailable, type Device, type OnnxRuntimeDevice } from './device.js';
import {
  adviseTensorRtRtx,
  diagnoseTensorRt,
  diagnoseTensorRtDevice,
  unusableTensorRt,
  type TensorRtFinding,
} from './doctor-tensorrt.js';
import { libraryCandidates, openLibrary, type LibraryCandidate } from './onnxruntime.js';
import { tensorRtCandidates, type TensorRtCandidate } from './tensorrt-libraries.js';
import { runTrial } from './trial.js';

/** One thing that foveate needs or can use. */
export interface Finding {
  readonly usable: boolean;
  /** What it is, or why it cannot be used. */
  readonly detail: string;
  /** What to do. Absent where it is usable. */
  readonly remedy?: string;
}

/** A library, and every place it was looked for in. */
export interface LibraryFinding extends Finding {
  readonly found: boolean;
  readonly version?: string;
  readonly path?: string;
  readonly places: readonly { readonly place: string; readonly outcome: string }[];
}

/** Where a model may run. */
export type NamedDevice = Exclude<Device, 'auto'>;

/** The state of this machine. */
export interface Diagnosis {
  /** Version of foveate. */
  readonly foveate: string;
  /** Whether a model was run on the CPU and gave the right numbers: all that the main path needs. */
  readonly ok: boolean;
  readonly node: Finding;
  readonly platform: Finding;
  /** foveate's own C++ core. */
  readonly core: LibraryFinding;
  readonly onnxruntime: LibraryFinding & { readonly providers: readonly string[] };
  /** Decodes every picture but JPEG, and writes pictures. */
  readonly sharp: LibraryFinding;
  /** Every TensorRT library that was found. */
  readonly tensorrt: readonly TensorRtFinding[];
  readonly devices: Readonly<Record<NamedDevice, Finding>>;
}

/** What is being looked at, in this order. */
export type DiagnosisStep = 'core' | 'onnxruntime' | 'sharp' | 'tensorrt-libraries' | NamedDevice;

/**
 * Looks for everything that foveate needs, opens it and runs a small model on each device. Never rejects for what it finds.
 *
 * A vendor's library that is broken can take the process down with it or print on standard output: run this in a process of its own
 * where that matters, and let `onStep` tell how far it came. `lookAt` looks at one TensorRT library, of which there may be many: it can do so in
 * a process of its own, so that a broken one hides no other.
 */
export async function diagnose(
  onStep: (step: DiagnosisStep) => void = () => {},
  lookAt: (candidate: TensorRtCandidate) => Promise<TensorRtFinding> = diagnoseTensorRt,
): Promise<Diagnosis> {
  onStep('core');
  const core = diagnoseCore();
  onStep('onnxruntime');
  const { runtime, finding: onnxruntime } = await diagnoseOnnxRuntime(core);
  onStep('sharp');
  const sharp = await diagnoseSharp();
  onStep('tensorrt-libraries');
  const libraries: TensorRtFinding[] = [];
  for (const candidate of tensorRtCandidates()) {
    libraries.push(core.usable ? await lookAt(candidate) : unusableTensorRt(candidate, needsCore, coreRemedy));
  }
  const tensorrt = adviseTensorRtRtx(libraries);
  const found: [NamedDevice, Finding][] = [];
  for (const device of devices) {
    if (device === 'auto') continue;
    onStep(device);
    const isEngine = device === 'tensorrt' || device === 'tensorrt-rtx';
    found.push([device, await (isEngine ? diagnoseTensorRtDevice(device, tensorrt) : diagnoseDevice(device, runtime))]);
  }
  const byDevice = Object.fromEntries(found) as Record<NamedDevice, Finding>;
  return {
    foveate: packageVersion,
    ok: byDevice.cpu.usable,
    node: diagnoseNode(),
    platform: diagnosePlatform(),
    core,
    onnxruntime,
    sharp,
    tensorrt,
    devices: byDevice,
  };
}

const needsCore = 'not opened: that takes the native core';
const coreRemedy = 'Put the native core right first.';

/** The same range as `engines` in package.json. */
const nodeRange = '^20.19.0 || >=22.12.0';

function diagnoseNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const usable = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
  const detail = process.versions.node;
  if (usable) return { usable, detail };
  return { usable, detail: `${detail}; foveate needs ${nodeRange}`, remedy: 'Install a current Node release.' };
}

function diagnosePlatform(): Finding {
  if (process.platform !== 'linux') {
    return { usable: false, detail: platformName, remedy: 'foveate runs on Linux, x64 and arm64.' };
  }
  const libc = glibcVersion();
  return libc === undefined
    ? {
        usable: false,
        detail: `${platformName}, musl`,
        remedy: 'Use a system with glibc 2.28 or newer, such as a Debian-based image.',
      }
    : { usable: true, detail: `${platformName}, glibc ${libc}` };
}

function diagnoseCore(): LibraryFinding {
  try {
    const { file, attempts } = binding();
    const places = attempts.map((attempt) => ({ place: attempt.file, outcome: attempt.failure ?? 'loaded' }));
    return { found: true, usable: true, detail: file, version: packageVersion, path: file, places };
  } catch (error) {
    if (!(error instanceof FoveateError)) throw error;
    const attempts = (error.details['attempts'] ?? []) as readonly { file: string; failure: string }[];
    return {
      found: attempts.some(({ failure }) => failure !== 'no such file'),
      ...failure(error),
      // The message lists the places, which are told apart here.
      detail: error.message.split('\n')[0] as string,
      places: attempts.map((attempt) => ({ place: attempt.file, outcome: attempt.failure })),
    };
  }
}

/** The first library that is named is the one that is used, good or bad: see `openOnnxRuntime`. */
async function diagnoseOnnxRuntime(
  core: Finding,
): Promise<{ runtime: NativeRuntime | undefined; finding: Diagnosis['onnxruntime'] }> {
  const candidates = libraryCandidates(undefined);
  const chosen = candidates.find((candidate) => candidate.path !== undefined);
  const places = candidates.map((candidate) => ({ place: candidate.origin, outcome: outcomeOf(candidate, chosen) }));
  const base = { found: chosen !== undefined, places, providers: [] };
  const unusable = (detail: string, remedy: string | undefined): { runtime: undefined; finding: Diagnosis['onnxruntime'] } => ({
    runtime: undefined,
    finding: { ...base, usable: false, detail, ...(remedy === undefined ? {} : { remedy }) },
  });
  if (chosen?.path === undefined) return unusable('not found', candidates.at(-1)?.remedy);
  if (!core.usable) return unusable(needsCore, coreRemedy);
  try {
    const runtime = await openLibrary(chosen.path);
    const { version, path, providers } = runtime;
    const detail = `${version}, with ${providers.join(', ')}`;
    return { runtime, finding: { ...base, usable: true, detail, version, path, providers } };
  } catch (error) {
    if (!(error instanceof FoveateError)) throw error;
    const { finding } = unusable(error.message, remedyFor(error, chosen, candidates));
    return { runtime: undefined, finding: { ...finding, path: chosen.path } };
  }
}

function outcomeOf(candidate: LibraryCandidate, chosen: LibraryCandidate | undefined): string {
  if (candidate.path === undefined) return candidate.missing ?? 'nothing';
  return candidate === chosen ? candidate.path : `${candidate.path}, not used: the place above comes first`;
}

/** What the library's own error advises, and the way around it where there is another library. */
function remedyFor(error: FoveateError, chosen: LibraryCandidate, candidates: readonly LibraryCandidate[]): string {
  const other = candidates.find((candidate) => candidate !== chosen && candidate.path !== undefined);
  const around = other === undefined ? '' : `Without the ${chosen.origin}, the ${other.origin} is used.`;
  return [error.hint ?? chosen.remedy, around].filter((text) => text !== '').join(' ');
}

async function diagnoseSharp(): Promise<LibraryFinding> {
  const place = 'package sharp';
  try {
    const sharp = await loadSharp();
    const version = sharp.versions.sharp ?? 'unknown';
    const path = createRequire(import.meta.url).resolve('sharp');
    const detail = `${version}, libvips ${sharp.versions.vips}`;
    return { found: true, usable: true, detail, version, path, places: [{ place, outcome: path }] };
  } catch (error) {
    if (!(error instanceof FoveateError)) throw error;
    const found = (error.cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND';
    return { found, ...failure(error), places: [{ place, outcome: found ? 'cannot be loaded' : 'not installed' }] };
  }
}

async function diagnoseDevice(device: OnnxRuntimeDevice, runtime: NativeRuntime | undefined): Promise<Finding> {
  if (runtime === undefined) {
    return { usable: false, detail: 'there is no ONNX Runtime to run on', remedy: 'Put ONNX Runtime right first.' };
  }
  try {
    chooseDevice(device, runtime);
    await runTrial(runtime, device);
    return { usable: true, detail: 'a model was run' };
  } catch (error) {
    if (!(error instanceof FoveateError)) throw error;
    return { ...failure(error), detail: deviceUnavailable(device, runtime) ?? error.message };
  }
}

function failure(error: FoveateError): Finding {
  return { usable: false, detail: error.message, ...(error.hint === undefined ? {} : { remedy: error.hint }) };
}
