import type { ArgumentError, MediaError } from '../errors/index.js';
import { Classification, Detections, type Segmentation, type Timing } from '../results/index.js';
import type { Task } from '../tasks/index.js';
import { paint } from './color.js';
import type { InputPicture } from './inputs.js';
import type { Invocation } from './invocation.js';
import type { JsonDocument } from './json-document.js';
import type { WrittenFiles } from './output-folder.js';
import { recognizedOf } from './recognized.js';
import { alignRows, printable, type Cell } from './table.js';

export type TaskResult = Classification | Detections | Segmentation;

/** What can be wrong with one picture, and leaves the others as they are. */
export type PictureError = MediaError | ArgumentError;

/** What became of one picture. */
export interface Outcome {
  readonly picture: InputPicture;
  /** Also where it could not be drawn or written. */
  readonly result: TaskResult | undefined;
  readonly written: WrittenFiles | undefined;
  readonly error: PictureError | undefined;
}

/** How the outcomes are shown: as they come, in the order of the inputs. */
export interface RunReport {
  begin(model: string, task: Task): void;
  outcome(outcome: Outcome): void;
  end(): void;
}

/** One block for each picture: a heading, a row for each thing seen. */
export class TableReport implements RunReport {
  readonly #invocation: Invocation;

  constructor(invocation: Invocation) {
    this.#invocation = invocation;
  }

  begin(): void {}

  outcome({ picture, result, written }: Outcome): void {
    // What is wrong with a picture is told on standard error.
    if (result === undefined) return;
    const name = paint(process.stdout, 'bold', printable(picture.name));
    const to = written === undefined ? '' : `  -> ${Object.values(written).map(printable).join(', ')}`;
    const heading = `${name}  ${result.width} x ${result.height}  ${busyMs(result.timing).toFixed(1)} ms${to}`;
    this.#invocation.out(`${[heading, ...alignRows(rowsOf(result))].join('\n')}\n`);
  }

  end(): void {}
}

/** Time that the picture took by itself: waiting for others is not part of it. */
function busyMs({ decodeMs, preprocessMs, computeMs, postprocessMs }: Timing): number {
  return decodeMs + preprocessMs + computeMs + postprocessMs;
}

function rowsOf(result: TaskResult): readonly (readonly Cell[])[] {
  if (result instanceof Detections) {
    if (result.length === 0) return [['nothing found']];
    return [...result].map(({ label, score, box }) => [
      label,
      { number: score.toFixed(2) },
      ...box.map((coordinate) => ({ number: coordinate.toFixed(1) })),
    ]);
  }
  if (result instanceof Classification) {
    return [...result].map(({ label, score }) => [label, { number: score.toFixed(3) }]);
  }
  return result.regions.map(({ label, fraction, pixels }) => [
    label,
    { number: `${(fraction * 100).toFixed(1)} %` },
    { number: `${pixels} px` },
  ]);
}

/** `{ model, task, …, device, …, pictures: [{ path, … }] }` */
export class JsonReport implements RunReport {
  readonly #document: JsonDocument;
  readonly #invocation: Invocation;

  constructor(document: JsonDocument, invocation: Invocation) {
    this.#document = document;
    this.#invocation = invocation;
  }

  begin(model: string, task: Task): void {
    const { session, labelSource } = task;
    const { device, deviceReason, runtime } = session;
    this.#document.beginList({ model, ...recognizedOf(task), labelSource, device, deviceReason, runtime }, 'pictures');
  }

  outcome({ picture, result, written, error }: Outcome): void {
    this.#document.item({
      path: picture.name,
      ...result?.toJSON(),
      timing: result?.timing,
      ...written,
      error: error && this.#invocation.worded(error),
    });
  }

  end(): void {
    this.#document.endList();
  }
}
