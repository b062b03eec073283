import { createHash } from 'node:crypto';

import { asMarkup, markup, type Markup } from '../../../text/index.js';
import { shortened } from '../metric.js';
import { script } from './script.js';
import { style } from './style.js';

/** Sections in their order, by the names that the list at the top has for them; those without a body are left out. */
export type Sections = readonly (readonly [id: string, name: string, body: Markup | undefined])[];

/**
 * A page that needs nothing else, and is well-formed XML. It forbids itself all that is not in it, by a policy with hashes of its own style and script.
 * `made`: a time as ISO 8601; `ownStyle`: rules that follow those of all reports.
 */
export function htmlPage({
  title,
  foveate,
  made,
  heading,
  sections,
  ownStyle = '',
}: {
  readonly title: string;
  readonly foveate: string;
  readonly made: string;
  readonly heading: Markup;
  readonly sections: Sections;
  readonly ownStyle?: string;
}): string {
  const rules = style + ownStyle;
  const present = sections.filter(([, , body]) => body !== undefined);
  return markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="${policyOf(rules)}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="generator" content="foveate ${foveate}"/>
<title>${shortened(title, 120)}</title>
<style>${asMarkup(rules)}</style>
</head>
<body>
${heading}
<nav aria-label="Sections"><ul>${present.map(([id, name]) => markup`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
<main>${present.map(([, , body]) => body)}
</main>
<footer>Made by foveate ${foveate}, ${madeAt(made)}.</footer>
<script>${asMarkup(script)}</script>
</body>
</html>
`.toString();
}

/** Changes the colours; the page's script shows it. */
export const themeButton: Markup = markup`<button type="button" id="theme" title="Change the colours" data-needs-script="" hidden="">Dark</button>`;

/** A time in UTC, as people read it; as it was given where it is none. */
function madeAt(made: string): Markup {
  const time = new Date(made);
  if (Number.isNaN(time.getTime())) return markup`${shortened(made, 40)}`;
  const iso = time.toISOString();
  return markup`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`;
}

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing is loaded, and no style or script runs but the page's own: not even one that stood in a name. */
function policyOf(rules: string): string {
  return `default-src 'none'; img-src data:; style-src ${hashOf(rules)}; script-src ${hashOf(script)}; base-uri 'none'; form-action 'none'`;
}
