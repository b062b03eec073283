import type { WriteStream } from 'node:tty';

const styles = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33' } as const;

/**
 * `text` in a style, where the stream is a terminal that has colours. Node takes NO_COLOR, FORCE_COLOR and TERM into account when it
 * answers that.
 */
export function paint(stream: NodeJS.WriteStream, style: keyof typeof styles, text: string): string {
  const colored = stream.isTTY && (stream as WriteStream).hasColors();
  return colored ? `\x1b[${styles[style]}m${text}\x1b[0m` : text;
}
