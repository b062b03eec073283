import type { MediaError } from '../errors/index.js';
import { Classification, Detections, type Segmentation, type Timing } from '../results/index.js';
import type { Task } from '../tasks/index.js';
import { paint } from './color.js';
import type { InputPicture } from './inputs.js';
import type { Invocation } from './invocation.js';
import type { JsonDocument } from './json-document.js';
import type { WrittenFiles } from './output-folder.js';
import { alignRows, printable, type Cell } from './table.js';

export type TaskResult = Classification | Detections | Segmentation;

/** What became of one picture. */
export type Outcome =
  | { readonly picture: InputPicture; readonly result: TaskResult; readonly written: WrittenFiles | undefined }
  | { readonly picture: InputPicture; readonly error: MediaError };

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

  outcome(outcome: Outcome): void {
    // Bad pictures are told on standard error.
    if ('error' in outcome) return;
    const { picture, result, written } = outcome;
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

/** `{ model, device, …, pictures: [{ path, … }] }` */
export class JsonReport implements RunReport {
  readonly #document: JsonDocument;
  readonly #invocation: Invocation;

  constructor(document: JsonDocument, invocation: Invocation) {
    this.#document = document;
    this.#invocation = invocation;
  }

  begin(model: string, { session, labelSource }: Task): void {
    const { device, deviceReason, runtime } = session;
    this.#document.beginList({ model, device, deviceReason, runtime, labelSource }, 'pictures');
  }

  outcome(outcome: Outcome): void {
    const path = outcome.picture.name;
    if ('error' in outcome) {
      this.#document.item({ path, error: this.#invocation.worded(outcome.error) });
      return;
    }
    const { result, written } = outcome;
    const { timing } = result;
    this.#document.item({ path, ...result.toJSON(), timing, ...written });
  }

  end(): void {
    this.#document.endList();
  }
}
