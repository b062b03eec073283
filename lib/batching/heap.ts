/** A place in a {@link Heap}. */
export interface HeapEntry<T> {
  readonly value: T;
  /** Where it is; moves with it. */
  index: number;
}

/** A binary heap: the least element at once, any other taken out in logarithmic time. */
export class Heap<T> {
  readonly #entries: HeapEntry<T>[] = [];
  readonly #isLess: (a: T, b: T) => boolean;

  constructor(isLess: (a: T, b: T) => boolean) {
    this.#isLess = isLess;
  }

  get first(): T | undefined {
    return this.#entries[0]?.value;
  }

  get size(): number {
    return this.#entries.length;
  }

  add(value: T): HeapEntry<T> {
    const entry = { value, index: this.#entries.length };
    this.#entries.push(entry);
    this.#rise(entry);
    return entry;
  }

  /** `entry` is of this heap, and is removed once. */
  remove(entry: HeapEntry<T>): void {
    const last = this.#entries.pop() as HeapEntry<T>;
    if (last === entry) return;
    this.#put(last, entry.index);
    this.#settle(last);
  }

  /** To be called when the value has become less or more than it was. */
  moved(entry: HeapEntry<T>): void {
    this.#settle(entry);
  }

  #settle(entry: HeapEntry<T>): void {
    this.#rise(entry);
    this.#sink(entry);
  }

  #put(entry: HeapEntry<T>, index: number): void {
    this.#entries[index] = entry;
    entry.index = index;
  }

  #rise(entry: HeapEntry<T>): void {
    while (entry.index > 0) {
      const parent = this.#entries[(entry.index - 1) >> 1] as HeapEntry<T>;
      if (!this.#isLess(entry.value, parent.value)) return;
      this.#swap(entry, parent);
    }
  }

  #sink(entry: HeapEntry<T>): void {
    for (;;) {
      const left = this.#entries[2 * entry.index + 1];
      const right = this.#entries[2 * entry.index + 2];
      const child = right !== undefined && this.#isLess(right.value, (left as HeapEntry<T>).value) ? right : left;
      if (child === undefined || !this.#isLess(child.value, entry.value)) return;
      this.#swap(child, entry);
    }
  }

  #swap(a: HeapEntry<T>, b: HeapEntry<T>): void {
    const { index } = a;
    this.#put(a, b.index);
    this.#put(b, index);
  }
}
