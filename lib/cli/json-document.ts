/**
 * One JSON document, written piece by piece, so that ten thousand pictures need no memory for their results; whole whatever happens in
 * between: a failure closes what is open and is told as `error`.
 */
export class JsonDocument {
  #write: (text: string) => void;
  #state: 'empty' | 'list' | 'done' = 'empty';
  #items = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Sends the document elsewhere. Before it is begun. */
  writeTo(write: (text: string) => void): void {
    this.#write = write;
  }

  /** The whole document at once. */
  whole(value: object): void {
    this.#write(`${JSON.stringify(value, null, 2)}\n`);
    this.#state = 'done';
  }

  /** Begins an object with the members of `head`, and after them a list, one item a line. */
  beginList(head: object, name: string): void {
    this.#write(`${JSON.stringify(head).slice(0, -1)},${JSON.stringify(name)}:[`);
    this.#state = 'list';
  }

  item(value: object): void {
    this.#write(`${this.#items++ === 0 ? '' : ','}\n${JSON.stringify(value)}`);
  }

  endList(): void {
    this.#write('\n]}\n');
    this.#state = 'done';
  }

  fail(error: object): void {
    if (this.#state === 'empty') this.whole({ error });
    if (this.#state === 'list') this.#write(`\n],"error":${JSON.stringify(error)}}\n`);
    this.#state = 'done';
  }
}
