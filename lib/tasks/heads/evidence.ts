import { declaredRtDetr } from '../../declared/index.js';
import { ArgumentError, checkBoolean, checkInteger, invalidArgument } from '../../errors/index.js';
import type { DetectionHead, HeadEvidence, KeypointShape, RecognizedHead } from './detection-head.js';
import { priorBoxes, type SsdOptions } from './ssd.js';

interface Said {
  readonly head?: DetectionHead | undefined;
  readonly keypoints?: readonly [count: number, values: 2 | 3] | undefined;
  readonly rotated?: boolean | undefined;
  readonly ssd?: SsdOptions | undefined;
}

/** What is known of a detector besides its outputs: what the user says, else what the metadata of Ultralytics says. Throws INVALID_ARGUMENT. */
export function headEvidence(
  said: Said,
  metadata: ReadonlyMap<string, string>,
  size: { readonly width: number; readonly height: number },
  labelCount: number | undefined,
): HeadEvidence {
  const task = metadata.get('task');
  return {
    ...size,
    labelCount,
    asked: said.head,
    rtDetr: declaredRtDetr(metadata),
    keypoints: said.keypoints === undefined ? declaredKeypoints(task, metadata) : askedKeypoints(said.keypoints),
    rotated: said.rotated === undefined ? task === 'obb' : checkBoolean('rotated', said.rotated),
    priors: said.ssd && priorBoxes(said.ssd, size.width, size.height),
  };
}

/** Refuses what the user says of a model whose head has no place for it: it would be read otherwise than the user thinks. Throws INVALID_ARGUMENT. */
export function checkSaid({ keypoints, rotated, ssd }: Said, { head, ...found }: RecognizedHead): void {
  const refused = (option: string, has: string): ArgumentError =>
    new ArgumentError('INVALID_ARGUMENT', {
      message: `The option ${option} does not fit the model: its head '${head}' has ${has}`,
      hint: 'Leave it out, or name the head if it was recognised wrongly: { head }.',
      details: { name: option, head },
    });
  if (ssd !== undefined && found.priors === undefined) throw refused('ssd', 'no boxes to be told so');
  if (rotated === true && found.rotated !== true) throw refused('rotated', 'no angles');
  if (keypoints === undefined) return;
  if (found.keypoints === undefined) throw refused('keypoints', 'none');
  const { count, values } = found.keypoints;
  if (count !== keypoints[0] || values !== keypoints[1]) throw refused('keypoints', `${count} of ${values} values`);
}

function askedKeypoints(asked: readonly [number, number]): KeypointShape {
  if (!Array.isArray(asked) || asked.length !== 2) throw invalidArgument('keypoints', 'an array [count, values]', asked);
  return {
    count: checkInteger('keypoints[0]', asked[0], 1, 1000),
    values: checkInteger('keypoints[1]', asked[1], 2, 3) as 2 | 3,
  };
}

/** Ultralytics' `kpt_shape`: "[17, 3]". */
function declaredKeypoints(task: string | undefined, metadata: ReadonlyMap<string, string>): KeypointShape | undefined {
  const match = /^\[\s*(\d+)\s*,\s*([23])\s*\]$/.exec(metadata.get('kpt_shape') ?? '');
  return task === 'pose' && match !== null ? { count: Number(match[1]), values: Number(match[2]) as 2 | 3 } : undefined;
}
