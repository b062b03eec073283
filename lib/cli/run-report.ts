import type { ArgumentError, MediaError } from '../errors/index.js';
import type { Timing } from '../results/index.js';
import type { Task } from '../tasks/index.js';
import { alignRows, csvRecord, printable, type CsvField } from '../text/index.js';
import { paint } from './color.js';
import type { InputPicture } from './inputs.js';
import type { Invocation } from './invocation.js';
import type { JsonDocument } from './json-document.js';
import type { WrittenFiles } from './output-folder.js';
import { recognizedOf } from './recognized.js';
import { resultKind, type TaskResult } from './result-kinds.js';

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
  begin(): void;
  outcome(outcome: Outcome): void;
  end(): void;
}

/** Takes text to where the results go. */
export type Write = (text: string) => void;

/** One block for each picture: a heading, a row for each thing seen. */
export function tableReport(write: Write, task: Task): RunReport {
  const { rows } = resultKind(recognizedOf(task).task);
  return {
    begin: () => {},
    outcome: ({ picture, result, written }) => {
      // What is wrong with a picture is told on standard error.
      if (result === undefined) return;
      const name = paint(process.stdout, 'bold', printable(picture.name));
      const to = written === undefined ? '' : `  -> ${Object.values(written).map(printable).join(', ')}`;
      const heading = `${name}  ${result.width} x ${result.height}  ${busyMs(result.timing).toFixed(1)} ms${to}`;
      write(`${[heading, ...alignRows(rows(result))].join('\n')}\n`);
    },
    end: () => {},
  };
}

/** Time that the picture took by itself: waiting for others is not part of it. */
function busyMs({ decodeMs, preprocessMs, computeMs, transferMs, postprocessMs }: Timing): number {
  return decodeMs + preprocessMs + computeMs + transferMs + postprocessMs;
}

/** `{ model, task, …, device, …, pictures: [{ path, … }] }` */
export function jsonReport(document: JsonDocument, invocation: Invocation, model: string, task: Task): RunReport {
  const { session } = task;
  const labelSource = 'labelSource' in task ? task.labelSource : undefined;
  const { device, deviceReason, runtime } = session;
  return {
    begin: () => document.beginList({ model, ...recognizedOf(task), labelSource, device, deviceReason, runtime }, 'pictures'),
    outcome: (outcome) => document.item(jsonItem(outcome, invocation)),
    end: () => document.endList(),
  };
}

/** One object a line: `{ path, … }`, as in the list of the JSON document. */
export function ndjsonReport(write: Write, invocation: Invocation): RunReport {
  return {
    begin: () => {},
    outcome: (outcome) => write(`${JSON.stringify(jsonItem(outcome, invocation))}\n`),
    end: () => {},
  };
}

function jsonItem({ picture, result, written, error }: Outcome, invocation: Invocation): object {
  return {
    path: picture.name,
    ...result?.toJSON(),
    timing: result?.timing,
    ...written,
    error: error && invocation.worded(error),
  };
}

/**
 * A record for each thing seen; for a picture in which nothing was, or which failed, one with the fields of a thing left empty. So every picture
 * is there, and every record has the same fields.
 */
export function csvReport(write: Write, invocation: Invocation, task: Task): RunReport {
  const { columns, records } = resultKind(recognizedOf(task).task);
  const nothing = columns.map((): CsvField => undefined);
  return {
    begin: () => write(csvRecord(['path', 'width', 'height', ...columns, 'error', 'message'])),
    outcome: ({ picture, result, error }) => {
      const seen = result === undefined ? [] : records(result);
      const { code, message } = error === undefined ? {} : invocation.worded(error);
      const lines = (seen.length === 0 ? [nothing] : seen).map((fields) =>
        csvRecord([picture.name, result?.width, result?.height, ...fields, code, message]),
      );
      write(lines.join(''));
    },
    end: () => {},
  };
}
