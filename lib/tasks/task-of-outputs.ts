import { ModelError } from '../errors/index.js';
import type { ValueInfo } from '../graph/index.js';

export const taskNames = ['classify', 'detect', 'segment', 'embed', 'dense'] as const;

/** What a model is for. */
export type TaskName = (typeof taskNames)[number];

/** What Ultralytics' metadata calls its tasks. Instance and semantic segmentation are told apart by the outputs. */
const declaredTasks: ReadonlyMap<string, readonly TaskName[]> = new Map([
  ['classify', ['classify']],
  ['detect', ['detect']],
  ['pose', ['detect']],
  ['obb', ['detect']],
  ['segment', ['detect', 'segment']],
]);

export function isFloat({ dtype }: ValueInfo): boolean {
  return dtype === 'float32' || dtype === 'float16';
}

/** `[N, C, 1, 1]`, as some exporters leave it, is `[N, C]`. undefined: not known. */
export function effectiveRank({ shape }: ValueInfo): number | undefined {
  if (shape === null) return undefined;
  return shape.length > 2 && shape.slice(2).every((dim) => dim === 1) ? 2 : shape.length;
}

export function describeValues(values: readonly ValueInfo[]): string {
  const texts = values.map(({ name, dtype, shape }) => {
    const dims = shape === null ? 'of unknown shape' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`;
    return `${name}: ${dtype} ${dims}`;
  });
  return texts.join('; ');
}

/** The task of a model with these outputs whose metadata names `declared`. Throws MODEL_AMBIGUOUS, MODEL_UNSUPPORTED. */
export function recognizeTask(outputs: readonly ValueInfo[], declared: string | undefined): TaskName {
  const floats = outputs.filter(isFloat);
  const named = taskOfNames(floats);
  if (named !== undefined && declared === undefined) return named;
  const fitting = tasksOfShapes(floats);
  // An output of unknown shape may turn out to fit.
  if (fitting.length === 0 && !floats.map(effectiveRank).includes(undefined)) {
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: `Expected float outputs of one task (a classifier: [N, C]; a detector: [N, 4 + C, A], scores and boxes [N, A, 4], or those of each stride; a segmenter: [N, C, H, W]; an embedder: [N, D] or [N, T, D]; a dense predictor: [N, H, W] or [N, 1, H, W]) but the model's outputs are ${describeValues(outputs)}`,
      hint: 'createSession() gives the raw outputs of any model.',
      details: { declared },
    });
  }
  const allowed = declared === undefined ? fitting : (declaredTasks.get(declared) ?? []);
  const agreed = allowed.filter((task) => fitting.includes(task));
  const [only] = agreed;
  // Of a declared 'segment', boxes beside a map mean instances.
  if (only !== undefined && (agreed.length === 1 || declared !== undefined)) return only;
  const says = declared === undefined ? 'its metadata does not say' : `its metadata says '${declared}'`;
  throw new ModelError('MODEL_AMBIGUOUS', {
    message: `It is not clear what the model is for: ${says}, its outputs are ${describeValues(outputs)}`,
    hint: `Name the task: { task: '${fitting[0] ?? 'detect'}' }; known are ${taskNames.join(', ')}. createSession() gives the raw outputs of any model.`,
    details: { declared, candidates: fitting },
  });
}

/** Class scores, as Hugging Face's exporters name them; beside them there may be what the scores are made of. */
export function isLogits(value: ValueInfo): boolean {
  return value.name === 'logits' && isFloat(value) && effectiveRank(value) === 2;
}

/** Names that exporters give to outputs of one meaning only: those of Hugging Face's models. */
function taskOfNames(floats: readonly ValueInfo[]): TaskName | undefined {
  if (floats.some(isLogits)) return 'classify';
  const names = floats.map(({ name }) => name);
  if (names.includes('logits') && names.includes('pred_boxes')) return 'detect';
  if (floats.some(({ name }) => /^predicted_depth$|^depth$/.test(name))) return 'dense';
  if (floats.some(({ name }) => /^image_embeds$|^pooler_output$|^last_hidden_state$|^embeddings?$/.test(name))) return 'embed';
  return undefined;
}

/** Every task whose outputs these may be. An embedding has the shape of class scores, and a dense map that of a mask: neither is guessed. */
function tasksOfShapes(floats: readonly ValueInfo[]): TaskName[] {
  if (areLevels(floats)) return ['detect'];
  const ofRank = (rank: number): ValueInfo[] => floats.filter((value) => effectiveRank(value) === rank);
  const [scores, boxes, maps] = [ofRank(2), ofRank(3), ofRank(4)];
  const fitting: TaskName[] = [];
  if (scores.length === 1) fitting.push('classify');
  if (boxes.length === 1 || (boxes.length === 2 && boxes.some(({ shape }) => shape?.[2] === 4))) fitting.push('detect');
  // Prototypes of instance masks come beside boxes. Several maps of one shape are the stages of one, the first the best.
  const isInstances = fitting.includes('detect') && maps.length === 1 && boxes.length === 1;
  if (maps.length === 1 || (maps.length > 1 && maps.every(({ shape }) => `${shape}` === `${maps[0]?.shape}`))) {
    fitting.push('segment');
  }
  return isInstances && scores.length === 0 && isPrototypes(boxes[0], maps[0]) ? ['detect'] : fitting;
}

/** Maps of a quarter of the strides' finest grid: many more values than there are candidates, and few channels. */
function isPrototypes(boxes: ValueInfo | undefined, maps: ValueInfo | undefined): boolean {
  const [, channels, height, width] = maps?.shape ?? [];
  const [, rows, columns] = boxes?.shape ?? [];
  if (![channels, height, width, rows, columns].every((dim) => typeof dim === 'number')) return false;
  const attributes = Math.min(rows as number, columns as number);
  return (channels as number) + 5 <= attributes && (height as number) >= 8 && (width as number) >= 8;
}

/** Scores, distances and perhaps landmarks for each of three or five strides, as SCRFD gives them. */
function areLevels(floats: readonly ValueInfo[]): boolean {
  const lasts = floats.map(({ shape }) => shape?.at(-1));
  const count = (wanted: (last: number) => boolean): number =>
    lasts.filter((last) => typeof last === 'number' && wanted(last)).length;
  const levels = count((last) => last === 1);
  const landmarks = count((last) => last > 4 && last % 2 === 0);
  return (
    (levels === 3 || levels === 5) &&
    count((last) => last === 4) === levels &&
    (landmarks === levels || landmarks === 0) &&
    floats.length === 2 * levels + landmarks
  );
}
