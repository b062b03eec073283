import type { DatasetNotice, SourcePlace } from './dataset.js';
import { describePlace } from './source-place.js';

/** What a notice says of one thing, and of several: "picture without a label file", "pictures without a label file". */
export interface NoticeKind {
  readonly one: string;
  readonly many: string;
}

/** Collects notices, one of each kind: a data set of 100 000 background pictures has one thing to say about them. */
export class Notices {
  readonly #kinds = new Map<NoticeKind, Map<string, SourcePlace>>();

  /** The same place counts once, however often the data set is gone through. */
  add(kind: NoticeKind, place: SourcePlace): void {
    let places = this.#kinds.get(kind);
    if (places === undefined) this.#kinds.set(kind, (places = new Map()));
    places.set(describePlace(place), place);
  }

  get list(): readonly DatasetNotice[] {
    return [...this.#kinds].map(([{ one, many }, places]) => {
      const [first] = places as unknown as [[string, SourcePlace]];
      const count = places.size;
      return { ...first[1], message: count === 1 ? `${one}: ${first[0]}` : `${count} ${many}, the first: ${first[0]}` };
    });
  }
}
