/** What is wrong with the pictures of a calibration, or with what the model made of them: told from the table alone. */
import { CalibrationError } from '../errors/index.js';
import { deadChannels, type CalibratedPicture, type CalibrationDoubt, type TensorStatistics } from '../precision/index.js';
import { lookDistance } from './picture-look.js';

/** Below this many pictures that differ, ranges change a lot with the next picture. */
export const fewestPictures = 16;
const advisedPictures = 32;
/** Of 256 bits: other frames of one scene and other copies of one picture differ in fewer. */
const nearDistance = 12;
/** Of the brightness. */
const almostBlack = 0.06;
const almostWhite = 0.94;
/** Of the pictures: so many odd ones are no accident. */
const oddPart = 0.25;
/** All pictures together reach over at least so much of the brightness. */
const leastSpan = 0.25;
/** Of the files that were tried. */
const mostUnreadable = 0.1;

/** Of a channel: with fewer, that they are equal tells nothing. */
const fewestElements = 16;

/** How many files there were besides the pictures of the table. */
export interface PictureCounts {
  /** With the same bytes as others. */
  readonly copies: number;
  readonly unreadable: number;
}

export function pictureDoubts(pictures: readonly CalibratedPicture[], { copies, unreadable }: PictureCounts): CalibrationDoubt[] {
  const doubts: CalibrationDoubt[] = [];
  const count = pictures.length;
  const enough = `Give at least ${fewestPictures} that differ; ${advisedPictures} are better.`;
  const doubt = (code: string, message: string): number => doubts.push({ code, message });
  if (unreadable > (count + unreadable) * mostUnreadable) {
    doubt('UNREADABLE_PICTURES', `${unreadable} of ${count + unreadable} pictures cannot be read. Remove or replace them.`);
  }
  if (count < fewestPictures) {
    if (copies > 0) {
      const others = count === 1 ? 'all the others are copies of it' : `the others are copies of these`;
      doubt(
        'DUPLICATE_PICTURES',
        `Only ${pictureCount(count)} of ${count + copies} ${count === 1 ? 'is' : 'are'} different: ${others}, byte for byte. ${enough}`,
      );
    } else
      doubt(
        'TOO_FEW_PICTURES',
        `${pictureCount(count)} ${count === 1 ? 'is' : 'are'} too few: ranges would fit ${count === 1 ? 'it' : 'them'} and no others. ${enough}`,
      );
  }
  const inputs = new Set(pictures.map(({ input }) => input)).size;
  const looks = countGroups(pictures.map(({ look }) => look));
  if (isDoubtful(inputs, count)) {
    doubt(
      'DUPLICATE_PICTURES',
      `${pictureCount(count)} in different files have only ${inputs} different content${inputs === 1 ? '' : 's'}: pixel for pixel, the others are the same. ${enough}`,
    );
  }
  if (looks < inputs && isDoubtful(looks, count)) {
    doubt(
      'NEAR_DUPLICATES',
      `${pictureCount(count)} show only ${looks} different scene${looks === 1 ? '' : 's'}: the others nearly repeat them, as frames of a video do. ${enough}`,
    );
  }
  const dark = pictures.filter(({ brightest }) => brightest < almostBlack).length;
  const bright = pictures.filter(({ darkest }) => darkest > almostWhite).length;
  if (dark > count * oddPart) doubt('DARK_PICTURES', `${dark} of ${pictureCount(count)} ${are(dark)} almost black.`);
  if (bright > count * oddPart) doubt('BRIGHT_PICTURES', `${bright} of ${pictureCount(count)} ${are(bright)} almost white.`);
  const low = Math.min(...pictures.map(({ darkest }) => darkest));
  const high = Math.max(...pictures.map(({ brightest }) => brightest));
  if (count > 0 && high - low < leastSpan && dark <= count * oddPart && bright <= count * oddPart) {
    doubt(
      'NARROW_RANGE',
      `All pictures lie between ${percent(low)} and ${percent(high)} of the brightness: the model's input has not the range that it was trained on. Check how they were stored.`,
    );
  }
  return doubts;
}

function isDoubtful(distinct: number, count: number): boolean {
  return (distinct < fewestPictures && count >= fewestPictures) || (count >= 4 && distinct <= count / 2);
}

function are(count: number): string {
  return count === 1 ? 'is' : 'are';
}

function pictureCount(count: number): string {
  return count === 1 ? '1 picture' : `${count} pictures`;
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

/** How many groups there are of looks that are near one another, from one to the next. */
function countGroups(looks: readonly string[]): number {
  const group = looks.map((_, i) => i);
  const rootOf = (i: number): number => {
    while (group[i] !== i) i = group[i] as number;
    return i;
  };
  let groups = looks.length;
  looks.forEach((look, i) => {
    for (let j = 0; j < i; j++) {
      const [a, b] = [rootOf(i), rootOf(j)];
      if (a === b || lookDistance(look, looks[j] as string) > nearDistance) continue;
      group[a] = b;
      groups--;
    }
  });
  return groups;
}

export function tensorDoubts(tensors: readonly TensorStatistics[]): CalibrationDoubt[] {
  const doubts: CalibrationDoubt[] = [];
  const check = (
    code: string,
    isSo: (tensor: TensorStatistics) => boolean,
    words: (names: string, count: number) => string,
  ): void => {
    const found = tensors.filter(isSo);
    if (found.length > 0) doubts.push({ code, message: words(listed(found), found.length) });
  };
  check(
    'NON_FINITE_VALUES',
    ({ nonFinite }) => nonFinite > 0,
    (names, n) =>
      `${tensorCount(n)} ${has(n)} values that are infinite or no numbers: ${names}. The preprocessing does not fit the model, or the model overflows.`,
  );
  check(
    'CONSTANT_TENSOR',
    ({ count, min, max }) => count > 0 && min === max,
    (names, n) =>
      `${tensorCount(n)} never ${n === 1 ? 'changes' : 'change'}, whatever the picture: ${names}. The preprocessing does not fit the model, or that part of the model is dead.`,
  );
  check(
    'DEAD_CHANNELS',
    ({ count, min, max, channels }) =>
      min < max &&
      channels !== undefined &&
      count >= channels.min.length * fewestElements &&
      deadChannels(channels) * 2 > channels.min.length,
    (names, n) =>
      `More than half of the channels never change in ${tensorCount(n)}: ${names}. The preprocessing does not fit the model, or the pictures show too little.`,
  );
  return doubts;
}

const namesShown = 3;

function listed(tensors: readonly TensorStatistics[]): string {
  const names = tensors.slice(0, namesShown).map(({ name }) => JSON.stringify(name));
  const more = tensors.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function tensorCount(count: number): string {
  return count === 1 ? '1 tensor' : `${count} tensors`;
}

function has(count: number): string {
  return count === 1 ? 'has' : 'have';
}

/** The error that tells all doubts at once. */
export function doubtfulCalibration(doubts: readonly CalibrationDoubt[]): CalibrationError {
  const [first] = doubts;
  const list = doubts.map(({ message }) => `\n  - ${message}`).join('');
  return new CalibrationError('CALIBRATION_DOUBTFUL', {
    message: `The ranges would be wrong${doubts.length === 1 ? `: ${first?.message}` : `, for ${doubts.length} reasons:${list}`}`,
    hint: 'Correct that. The option force goes on all the same, and keeps the reasons in the table.',
    details: { reasons: doubts },
  });
}
