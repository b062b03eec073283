import { invalidArgument, MediaError } from '../errors/index.js';
import type { PictureInput, Preprocess } from '../image/index.js';
import type { Session } from '../session/index.js';
import { Tensor } from '../tensor/index.js';

/** So many pictures are run in turn: what a model takes hardly depends on what is in them, and they stay in memory. */
const mostPictures = 8;

/** Inputs in native memory, which runs read in place. */
export interface LatencyInputs extends AsyncDisposable {
  /** Those of a session, by its place, and how many pictures are in each. */
  of(session: number): { readonly tensors: readonly Tensor[]; readonly batch: number };
}

/**
 * Preprocesses a few pictures for sessions with one picture input each, which may have been exported with a batch of several: the pictures then follow
 * one another in it. Those that cannot be read are passed over until there are `most`. Rejects with INVALID_ARGUMENT where none is left, ABORTED.
 */
export async function prepareInputs(
  sessions: readonly Session[],
  preprocess: Preprocess,
  pictures: readonly PictureInput[],
  signal: AbortSignal | undefined,
  most = mostPictures,
): Promise<LatencyInputs> {
  const prepared: Tensor[] = [];
  const batches = new Map<number, readonly Tensor[]>();
  const free = (): void => {
    for (const tensor of [...prepared, ...[...batches.values()].flat()]) tensor.dispose();
  };
  try {
    for (const picture of pictures) {
      if (prepared.length === most) break;
      const tensor = await prepareOne(preprocess, picture, signal);
      if (tensor !== undefined) prepared.push(tensor);
    }
    if (prepared.length === 0) {
      throw invalidArgument('pictures', 'at least one picture that can be read', `${pictures.length} of which none can`);
    }
    for (const batch of new Set(sessions.map(batchOf))) batches.set(batch, batchesOf(prepared, batch));
  } catch (error) {
    free();
    throw error;
  }
  return {
    of: (place) => {
      const batch = batchOf(sessions[place] as Session);
      return { tensors: batches.get(batch) as readonly Tensor[], batch };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(free()),
  };
}

async function prepareOne(
  preprocess: Preprocess,
  picture: PictureInput,
  signal: AbortSignal | undefined,
): Promise<Tensor | undefined> {
  try {
    return (await preprocess.run(picture, { signal })).tensor;
  } catch (error) {
    if (error instanceof MediaError) return undefined;
    throw error;
  }
}

/** Pictures in each run: one, unless the model was exported with more. */
function batchOf({ inputs: [input] }: Session): number {
  const rows = input?.shape[0];
  return typeof rows === 'number' ? rows : 1;
}

/** Each picture as the first of a batch, followed by the next ones. */
function batchesOf(pictures: readonly Tensor[], batch: number): Tensor[] {
  return pictures.map((first, i) => {
    const tensor = Tensor.allocate(first.dtype, [batch, ...first.dims]);
    for (let row = 0; row < batch; row++) {
      const picture = pictures[(i + row) % pictures.length] as Tensor;
      // A picture of another size shares no batch with the first.
      const source = picture.size === first.size ? picture : first;
      tensor.subtensor(row).data.set(source.data as never);
    }
    return tensor;
  });
}
