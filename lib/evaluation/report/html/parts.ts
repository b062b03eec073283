/** Pieces that the sections of the report are made of. */
import { markup, type Markup, type MarkupPart } from '../../../text/index.js';
import { isNumber, metricText, shortened } from '../metric.js';

/** Names may be of any length: a report must stay one that can be sent. */
const nameLength = 160;

/** A part of the page under a heading, which the list at the top leads to. */
export function section(id: string, title: string, body: MarkupPart, note?: MarkupPart): Markup {
  return markup`
<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${
    note !== undefined && note !== false && markup`<p class="note">${note}</p>`
  }${body}</section>`;
}

/** A name from data: of bounded length, and of a direction of its own. */
export function named(name: string): Markup {
  return markup`<bdi>${shortened(name, nameLength)}</bdi>`;
}

export function intervalText(metric: string, [low, high]: readonly [number, number]): string {
  return `${metricText(metric, low)} to ${metricText(metric, high)}`;
}

/** A cell of a number, with the value that the table is sorted by. */
export function numberCell(text: string, value: number | null | undefined, drawing?: Markup): Markup {
  return markup`<td class="number" data-value="${isNumber(value) ? value : ''}">${drawing}${text}</td>`;
}

/** Something wide or long, which is scrolled in its own frame, with the keyboard too. */
export function scrolled(label: string, body: Markup, isLong = false): Markup {
  return markup`<div class="scroll${isLong && ' long'}" role="region" tabindex="0" aria-label="${label}">${body}</div>`;
}

/** What follows a list that was cut. */
export function others(shown: number, total: number, what: string): Markup | undefined {
  if (shown >= total) return undefined;
  return markup`<p class="note">${shown.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} ${what} are shown; results.json has all.</p>`;
}
