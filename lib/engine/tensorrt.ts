import { native, settle, type NativeTensorRt } from '../binding/index.js';
import { BackendError } from '../errors/index.js';
import { listenToLog } from './log.js';
import {
  parserStem,
  tensorRtPlaces,
  type TensorRtCandidate,
  type TensorRtFamily,
  type TensorRtPlace,
} from './tensorrt-libraries.js';
import { compareVersions, mayFit, parseTensorRtRequirement } from './tensorrt-requirement.js';

const opened = new Map<string, Promise<NativeTensorRt>>();

/** Opens a library; the same file gives the same one. Throws BACKEND_NOT_FOUND, BACKEND_INVALID or BACKEND_TOO_OLD. */
export function openTensorRt({ path, parserPath }: Pick<TensorRtCandidate, 'path' | 'parserPath'>): Promise<NativeTensorRt> {
  const key = JSON.stringify([path, parserPath]);
  let library = opened.get(key);
  if (library === undefined) {
    listenToLog();
    library = settle(() => native().tensorrtOpen(path, parserPath));
    opened.set(key, library);
    // A failure is not remembered: the file may be put right while the process lives.
    library.catch(() => opened.delete(key));
  }
  return library;
}

/**
 * Why a library cannot build engines here; undefined where it can. TensorRT wants a GPU, and what it says for want of one is an error number of
 * CUDA's: what is missing says more.
 */
export function buildObstacleOf(library: Omit<NativeTensorRt, 'handle'>): string | undefined {
  const { family, parserPath, buildObstacle, runObstacle } = library;
  if (buildObstacle === undefined || family !== 'tensorrt' || parserPath === undefined) return buildObstacle;
  return runObstacle ?? buildObstacle;
}

/** What to do about a library that lacks its ONNX parser; undefined where it lacks none. */
export function parserRemedy({ family, parserPath }: Pick<TensorRtCandidate, 'family' | 'parserPath'>): string | undefined {
  const parser = parserStem(family);
  if (parser === undefined || parserPath !== undefined) return undefined;
  return `Put its ONNX parser beside it, the ${parser}.so of the same version.`;
}

/** What to do to have a library of a family. */
export function tensorRtRemedy(family: TensorRtFamily): string {
  return family === 'tensorrt-rtx'
    ? 'Install it: npx foveate install tensorrt-rtx. Or name the folder of one with FOVEATE_TENSORRT_PATH.'
    : 'Install TensorRT as NVIDIA describes it, with pip or with the packages of the system, or name its folder with FOVEATE_TENSORRT_PATH.';
}

/**
 * Opens the library that is wanted: a family, with a version where one is needed, as in `tensorrt-rtx@1.7` or `tensorrt@>=10.8`. Where several
 * fit, one that the user named wins, then the newest. `explicit` is a folder or a library, which is then the only place.
 *
 * Throws INVALID_ARGUMENT for `wanted`, BACKEND_NOT_FOUND with every place looked at and the remedy, and what opening throws where the user
 * named the library.
 */
export async function chooseTensorRt(wanted: string, explicit?: string): Promise<NativeTensorRt> {
  return chooseAmong(tensorRtPlaces(explicit), wanted, openTensorRt);
}

/** What {@link chooseTensorRt} does, with places and a way to open what lies there. */
export async function chooseAmong<Library extends Pick<NativeTensorRt, 'family' | 'version'>>(
  places: readonly TensorRtPlace[],
  wanted: string,
  open: (candidate: TensorRtCandidate) => Promise<Library>,
): Promise<Library> {
  const requirement = parseTensorRtRequirement(wanted);
  const outcomes = new Map<TensorRtCandidate, string>();
  for (const group of [places.filter(({ named }) => named), places.filter(({ named }) => !named)]) {
    let newest: Library | undefined;
    for (const { named, libraries } of group) {
      for (const candidate of libraries) {
        const { family, versionHint = '' } = candidate;
        if (family !== requirement.family || (versionHint !== '' && !mayFit(requirement, versionHint))) continue;
        const library = await openOrTellWhy(candidate, named, open);
        if (typeof library === 'string') outcomes.set(candidate, library);
        else if (library.family !== requirement.family || !mayFit(requirement, library.version)) {
          outcomes.set(candidate, `is ${library.family} ${library.version}`);
        } else if (newest === undefined || compareVersions(library.version, newest.version) > 0) newest = library;
      }
    }
    if (newest !== undefined) return newest;
  }
  throw new BackendError('BACKEND_NOT_FOUND', {
    message: `No TensorRT library that fits '${wanted}' was found. Looked at:${places.map((place) => told(place, outcomes)).join('')}`,
    hint: tensorRtRemedy(requirement.family),
    details: { wanted, places },
  });
}

/** The library, or why it cannot be opened. Rejects with that where the user named it. */
async function openOrTellWhy<Library>(
  candidate: TensorRtCandidate,
  named: boolean,
  open: (candidate: TensorRtCandidate) => Promise<Library>,
): Promise<Library | string> {
  try {
    return await open(candidate);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    if (!named) return `cannot be opened: ${error.message}`;
    throw new BackendError(error.code, {
      message: `${error.message} (from ${candidate.origin})`,
      hint: error.hint,
      details: { origin: candidate.origin, path: candidate.path },
      cause: error,
    });
  }
}

function told({ origin, where, missing, libraries }: TensorRtPlace, outcomes: ReadonlyMap<TensorRtCandidate, string>): string {
  const place = where === undefined ? origin : `${origin} ${where}`;
  if (missing !== undefined) return `\n  - ${place}: ${missing}`;
  const lines = libraries.map((candidate) => {
    const name = [candidate.family, candidate.versionHint].filter((text) => text !== undefined).join(' ');
    return `\n  - ${place}: ${candidate.path} ${outcomes.get(candidate) ?? `is ${name}`}`;
  });
  return lines.join('');
}
