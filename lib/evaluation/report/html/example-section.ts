import { FoveateError } from '../../../errors/index.js';
import { Picture, thumbnail, type PixelRegion, type Thumbnail } from '../../../image/index.js';
import { asMarkup, markup, type Markup } from '../../../text/index.js';
import type { EvaluationExample, EvaluationResult, ExampleBox } from '../../evaluation-result.js';
import { countText, groupBy, shortened } from '../metric.js';
import { coordinate } from './drawing.js';
import { isDrawable, placeOf, regionOf, stage } from './example-view.js';
import { named, section } from './parts.js';

/** Together they stay below 2 MB, in base64. */
const shownExamples = 48;
const thumbnailBytes = 30_000;
/** Boxes beyond this many would hide the picture; names beyond that many each other. */
const shownBoxes = 60;
const labelledBoxes = 8;

const kinds: Readonly<Record<EvaluationExample['kind'], readonly [one: string, several: string]>> = {
  'false-positive': ['False positive', 'False positives'],
  'false-negative': ['False negative', 'False negatives'],
  'wrong-class': ['Wrong class', 'Wrong classes'],
  'low-iou': ['Low overlap', 'Low overlaps'],
};

/** A gallery of the worst pictures, embedded, with their boxes drawn over them. A picture that cannot be read is named instead. */
export async function exampleSection({ examples }: EvaluationResult, signal?: AbortSignal): Promise<Markup | undefined> {
  if (examples.length === 0) return undefined;
  const shown = fairShare(examples);
  const figures: Markup[] = [];
  // One after the other: a decoded picture may take 200 MB.
  for (const example of shown) figures.push(await exampleFigure(example, signal));
  const hasBoxes = shown.some(({ boxes }) => boxes !== undefined && boxes.length > 0);
  return section('examples', 'Examples', [
    markup`<div class="tools">${kindButtons(shown)}${hasBoxes && legend}</div>`,
    markup`<div class="gallery">${figures}</div>`,
    shown.length < examples.length &&
      markup`<p class="note">${shown.length} of ${countText(examples.length)} examples are shown; results.json has all.</p>`,
  ]);
}

/** The first of each kind in turn: one kind of mistake must not hide the others. In the order they were given. */
function fairShare(examples: readonly EvaluationExample[]): EvaluationExample[] {
  const groups = [...groupBy(examples, ({ kind }) => kind).values()];
  const chosen = new Set<EvaluationExample>();
  for (let rank = 0; rank < examples.length && chosen.size < shownExamples; rank++) {
    for (const group of groups) {
      const example = group[rank];
      if (example !== undefined && chosen.size < shownExamples) chosen.add(example);
    }
  }
  return examples.filter((example) => chosen.has(example));
}

function kindButtons(examples: readonly EvaluationExample[]): Markup | undefined {
  const groups = [...groupBy(examples, ({ kind }) => kind)];
  if (groups.length < 2) return undefined;
  return markup`<div class="kinds" role="group" aria-label="Kind of example" data-needs-script="" hidden="">
<button type="button" data-kind="all" aria-pressed="true">All ${examples.length}</button>${groups.map(
    ([kind, members]) =>
      markup`<button type="button" data-kind="${kind}" aria-pressed="false">${kinds[kind][members.length === 1 ? 0 : 1]} ${members.length}</button>`,
  )}</div>`;
}

const legend = markup`<ul class="legend boxes"><li><svg viewBox="0 0 26 14" aria-hidden="true"><rect class="halo" x="2" y="2" width="22" height="10"/><rect class="truth" x="2" y="2" width="22" height="10"/></svg>labelled</li>
<li><svg viewBox="0 0 26 14" aria-hidden="true"><rect class="halo" x="2" y="2" width="22" height="10"/><rect class="found" x="2" y="2" width="22" height="10"/></svg>found</li></ul>`;

async function exampleFigure(example: EvaluationExample, signal: AbortSignal | undefined): Promise<Markup> {
  const { image, kind, caption, score } = example;
  const shown = await shownPicture(example, signal);
  return markup`
<figure class="example" data-kind="${kind}">${'reason' in shown ? placeholder(image, shown.reason) : view(example, shown)}
<figcaption><p><span class="tag">${kinds[kind][0]}</span>${score !== undefined && markup` <span class="score">score ${score.toFixed(2)}</span>`}</p>
<p class="caption">${shortened(caption, 200)}</p><p class="file">${named(image)}${!('reason' in shown) && shown.isPart && ' (part)'}</p></figcaption></figure>`;
}

interface ShownPicture {
  readonly thumbnail: Thumbnail;
  readonly region: PixelRegion;
  readonly isPart: boolean;
}

/** The part of the picture that matters, or why there is none. Throws ABORTED, and BACKEND_NOT_FOUND where sharp is missing. */
async function shownPicture(
  { path, boxes = [] }: EvaluationExample,
  signal: AbortSignal | undefined,
): Promise<ShownPicture | { readonly reason: string }> {
  if (path === undefined) return { reason: 'no path is known' };
  try {
    using picture = await Picture.read(path, { signal });
    const { width, height } = picture;
    const region = regionOf(boxes, width, height);
    const isPart = region.width < width || region.height < height;
    return { thumbnail: await thumbnail(picture, region, stage.width, thumbnailBytes), region, isPart };
  } catch (error) {
    if (!(error instanceof FoveateError) || !/^(MEDIA_|INVALID_ARGUMENT)/.test(error.code)) throw error;
    return { reason: error.code === 'MEDIA_NOT_FOUND' ? 'it is not there' : `it cannot be read: ${error.code}` };
  }
}

function placeholder(image: string, reason: string): Markup {
  return markup`<div class="stage missing" role="img" aria-label="Picture ${shortened(image, 120)} is not shown: ${reason}"><p><b>No picture</b><br/>${reason}</p></div>`;
}

function view({ image, kind, caption, boxes = [] }: EvaluationExample, { thumbnail, region }: ShownPicture): Markup {
  const { x, y, width, height, map } = placeOf(region);
  const drawable = boxes.filter(isDrawable).slice(0, shownBoxes);
  const placed = drawable.map(({ box: [x1, y1, x2, y2], role, label }) => ({ role, label, from: map(x1, y1), to: map(x2, y2) }));
  const label = `${kinds[kind][0]}: ${shortened(caption, 200)}, in ${shortened(image, 120)}`;
  const source = asMarkup(`data:image/webp;base64,${thumbnail.bytes.toString('base64')}`);
  return markup`<svg class="stage" viewBox="0 0 ${stage.width} ${stage.height}" role="img" aria-label="${label}">
<image href="${source}" x="${coordinate(x)}" y="${coordinate(y)}" width="${coordinate(width)}" height="${coordinate(height)}" preserveAspectRatio="none"/>${placed.map(
    ({ role, from: [left, top], to: [right, bottom] }) => {
      const place = markup`x="${coordinate(left)}" y="${coordinate(top)}" width="${coordinate(Math.max(0, right - left))}" height="${coordinate(Math.max(0, bottom - top))}"`;
      return markup`<rect class="halo" ${place}/><rect class="${role}" ${place}/>`;
    },
  )}${placed.length <= labelledBoxes && tags(placed)}</svg>`;
}

interface PlacedBox {
  readonly role: ExampleBox['role'];
  readonly label: string;
  readonly from: readonly [x: number, y: number];
  readonly to: readonly [x: number, y: number];
}

const tagHeight = 15;

/** The names of boxes: of what was found above the box, of what is labelled below it, moved until none lies on another. */
function tags(boxes: readonly PlacedBox[]): Markup[] {
  const taken: { readonly x: number; readonly y: number; readonly width: number }[] = [];
  return boxes.map(({ role, label, from, to }) => {
    const text = shortened(label, 26);
    const width = textWidth(text) + 8;
    const x = Math.min(Math.max(from[0] - 1, 0), Math.max(0, stage.width - width));
    const direction = role === 'found' ? -1 : 1;
    const start = role === 'found' ? from[1] - tagHeight - 1 : to[1] + 1;
    const inside = (y: number): number => Math.min(Math.max(y, 0), stage.height - tagHeight);
    const isTaken = (y: number): boolean =>
      taken.some((other) => Math.abs(other.y - y) < tagHeight && other.x < x + width && x < other.x + other.width);
    // Outwards from the box, then inwards from it; where all is taken, at its edge.
    const steps = [0, 1, 2, 3, -1, -2, -3].map((step) => inside(start + direction * step * (tagHeight + 1)));
    const y = steps.find((step) => !isTaken(step)) ?? inside(start);
    taken.push({ x, y, width });
    return markup`<rect class="${role}-tag" x="${coordinate(x)}" y="${coordinate(y)}" width="${coordinate(width)}" height="${tagHeight}" rx="2"/><text class="tag-text" x="${coordinate(x + 4)}" y="${coordinate(y + 11)}">${text}</text>`;
  });
}

/** About how wide text of 11 units is in a sans serif. */
function textWidth(text: string): number {
  let width = 0;
  for (const character of text)
    width += /[iljtfrI.,:;'|! ]/.test(character) ? 3.6 : /[mwMW@%]/.test(character) ? 9.4 : character > '\u2e7f' ? 11.5 : 6.5;
  return width;
}
