/** What the drawings of the report share. */
import { markup, type Markup } from '../../../text/index.js';
import { isNumber } from '../metric.js';

/** A coordinate, to a tenth of a unit. */
export function coordinate(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** From values between `low` and `high` to places between `start` and `end`. */
export function scale(low: number, high: number, start: number, end: number): (value: number) => number {
  const span = high - low || 1;
  return (value) => start + ((value - low) / span) * (end - start);
}

/** A value as a dot on a line from 0 to 1 or wherever `x` has its ends, with its interval as a band. Decoration: the numbers stand beside it. */
export function whisker(
  value: number | null | undefined,
  interval: readonly [number, number] | undefined,
  x: (value: number) => number,
  height: number,
): Markup {
  const middle = coordinate(height / 2);
  const [low, high] = interval ?? [undefined, undefined];
  const band =
    isNumber(low) && isNumber(high)
      ? markup`<rect class="band" x="${coordinate(x(low))}" y="${coordinate(height / 2 - 5)}" width="${coordinate(
          Math.max(x(high) - x(low), 1),
        )}" height="10" rx="2"/>`
      : undefined;
  return markup`${band}${isNumber(value) && markup`<circle class="dot" cx="${coordinate(x(value))}" cy="${middle}" r="3"/>`}`;
}
