/** Median of a list of numbers. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A child process that answers each line it is sent with one line of JSON. */
export class Peer {
  #lines;
  #child;

  /** @param {import('node:child_process').ChildProcess} child with stdin and stdout as pipes */
  constructor(child) {
    this.#child = child;
    this.#lines = child.stdout.setEncoding('utf8')[Symbol.asyncIterator]();
  }

  /** Sends `line` and waits for the answer. */
  async ask(line) {
    this.#child.stdin.write(`${line}\n`);
    let text = '';
    while (!text.endsWith('\n')) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error('The peer ended; its messages are above');
      text += value;
    }
    return JSON.parse(text);
  }

  end() {
    this.#child.stdin.end();
  }
}
