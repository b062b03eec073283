import { createHash } from 'node:crypto';
import _taggedTemplateLiteral from '@oxc-project/runtime/helpers/taggedTemplateLiteral';
/** Metrics that count. Of a number alone one cannot tell whether 1 is a count or all. */
const counts = /* @__PURE__ */ new Set([
  'IDSW',
  'Frag',
  'MT',
  'PT',
  'ML',
  'TP',
  'FP',
  'FN',
  'IDTP',
  'IDFP',
  'IDFN',
  'GT',
  'Dets',
  'IDs',
]);
/** `keypoints.AP` is AP, of keypoints; the point in `AP@0.5` parts nothing. */
function metricParts(name) {
  const [, subject = '', base = name] = /^([^]+)\.([a-z][^]*)$/i.exec(name) ?? [];
  return {
    subject,
    base,
  };
}
/** Results that were read from a file may hold null for what JSON has no number for. */
function isNumber(value) {
  return typeof value === 'number' && Number.isFinite(value);
}
/** A value as people read it: shares with three decimals, counts with none. */
function metricText(name, value) {
  if (!isNumber(value)) return '–';
  if (counts.has(metricParts(name).base) || (Number.isInteger(value) && Math.abs(value) > 1)) return countText$1(value);
  return value.toFixed(Math.abs(value) >= 100 ? 1 : 3);
}
/** 36335 as 36,335. */
function countText$1(value) {
  return isNumber(value) ? value.toLocaleString('en-US') : '–';
}
/** A name that is too long for its place. */
function shortened(name, length) {
  if (name.length <= length) return name;
  return `${name
    .slice(0, length - 1)
    .replace(/[\ud800-\udbff]$/, '')
    .trimEnd()}\u2026`;
}
// lib/text/csv.ts
/** A record as RFC 4180 has it: fields with a comma, a quote or a line break are quoted, quotes in them doubled; CR LF at the end. */
function csvRecord(fields) {
  return `${fields.map(field).join(',')}\r\n`;
}
function field(value) {
  const text = value === void 0 ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
// lib/text/markup.ts
/** HTML or XML, ready to be written. Only {@link markup} and {@link asMarkup} make it, so what is not escaped can be found by their names. */
var Markup = class {
  #text;
  /** @internal */
  constructor(text) {
    this.#text = text;
  }
  toString() {
    return this.#text;
  }
};
/** A template whose own text is markup, and whose values are data: they are escaped, for text and for attributes in double quotes alike. */
function markup(strings, ...parts) {
  return new Markup(strings.reduce((text, string, i) => `${text}${written(parts[i - 1])}${string}`));
}
/** Text that is markup already. Never for data. */
function asMarkup(text) {
  return new Markup(text);
}
function written(part) {
  if (part === void 0 || part === false) return '';
  if (part instanceof Markup) return part.toString();
  return typeof part === 'object' ? part.map(written).join('') : escapeMarkup(String(part));
}
/** What XML 1.0 cannot hold, not even escaped, half surrogates among it; and the control characters that it advises against. */
const forbidden = /[^\t\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const references = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '	': '&#9;',
  '\n': '&#10;',
};
/** Text for HTML and XML, within elements and attributes. Control characters are removed. */
function escapeMarkup(text) {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(forbidden, '')
    .replace(/[&<>"'\t\n]/g, (character) => references[character]);
}
// lib/text/table.ts
const text = (cell) => printable(typeof cell === 'string' ? cell : cell.number);
/** Rows as lines, the columns aligned over all rows, two spaces between and before them. */
function alignRows(rows) {
  const widths = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, text(cell).length)));
  return rows.map((row) => {
    return `  ${row
      .map((cell, column) => {
        const width = widths[column];
        return typeof cell === 'string' ? text(cell).padEnd(width) : text(cell).padStart(width);
      })
      .join('  ')}`.trimEnd();
  });
}
/** Names come from models and file systems: none of them may steer the terminal, or end the line that it stands in. */
function printable(name) {
  return name.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '�');
}
// lib/evaluation/report/html/script.ts
/**
 * What the page can do beyond being read: change its colours, sort tables, show one kind of examples. Without it, all is there; what needs
 * it is hidden until it runs. In the file as it stands here, so it must not contain the end of its element.
 */
const script = `
'use strict';
const root = document.documentElement;
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
for (const control of all('[data-needs-script]')) control.hidden = false;

const toggle = document.getElementById('theme');
const prefersDark = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (root.dataset.theme ?? (prefersDark.matches ? 'dark' : 'light')) === 'dark';
const tellTheme = () => { toggle.textContent = isDark() ? 'Light' : 'Dark'; };
toggle.addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; tellTheme(); });
prefersDark.addEventListener('change', tellTheme);
tellTheme();

for (const table of all('table[data-sortable]')) {
  const heads = all('thead th', table);
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const body = table.tBodies[0];
      const numeric = head.classList.contains('number');
      const keyed = [...body.rows].map((row) => {
        const cell = row.cells[column];
        return { row, key: numeric ? Number.parseFloat(cell.dataset.value) : cell.textContent.trim() };
      });
      const sign = down ? -1 : 1;
      keyed.sort((a, b) => {
        if (!numeric) return sign * a.key.localeCompare(b.key, undefined, { numeric: true });
        // Cells without a value stay at the end.
        const missing = Number.isNaN(a.key) - Number.isNaN(b.key);
        return missing !== 0 || Number.isNaN(a.key) ? missing : sign * (a.key - b.key);
      });
      body.append(...keyed.map(({ row }) => row));
    });
  });
}

const kinds = all('button[data-kind]');
for (const chosen of kinds) {
  chosen.addEventListener('click', () => {
    for (const button of kinds) button.setAttribute('aria-pressed', String(button === chosen));
    const kind = chosen.dataset.kind;
    for (const figure of all('figure[data-kind]')) figure.hidden = kind !== 'all' && figure.dataset.kind !== kind;
  });
}
`;
// lib/evaluation/report/html/palette.ts
const light = {
  page: '#f5f6f8',
  surface: '#ffffff',
  ink: '#15191f',
  muted: '#58616e',
  line: '#dfe3e9',
  accent: '#1a5fb4',
  warn: '#a83e00',
  right: '#0d4f9c',
  wrong: '#b23c07',
  series: ['#0072b2', '#d55e00', '#00876c', '#b0568f', '#a07400', '#3a97c9', '#15191f', '#7a7f2b'],
};
const dark = {
  page: '#0e1216',
  surface: '#171c22',
  ink: '#e9edf2',
  muted: '#9ca7b5',
  line: '#2c343e',
  accent: '#82b4ff',
  warn: '#ffa570',
  right: '#69b0ff',
  wrong: '#ff9356',
  series: ['#5ab4ec', '#ff8a3d', '#2cc9a2', '#e08fc2', '#e6b035', '#9ad4f5', '#e9edf2', '#c9cf6a'],
};
/** Of boxes, on pictures: the same in both themes. Truth is dashed as well, so that hue need not be seen. */
const marks = {
  truth: '#19d8a2',
  truthTag: '#006b53',
  found: '#ff5238',
  foundTag: '#b52c0c',
  halo: '#000000',
  tagText: '#ffffff',
};
/** What a step is filled with, between the surface and `strongest`. */
function heatColor(theme, strongest, step) {
  const [from, to] = [channels(theme.surface), channels(strongest)];
  const share = 0.04 + 0.96 * (step / 8) ** 1.3;
  return `#${from
    .map((value, i) =>
      Math.round(value + (to[i] - value) * share)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}
/** Black or white, whichever is read better on `background`: one of them always has a contrast of 4.5. */
function textColorOn(background) {
  return contrast('#000000', background) >= contrast('#ffffff', background) ? '#000000' : '#ffffff';
}
/** WCAG 2.2, contrast ratio: from 1 to 21. */
function contrast(one, other) {
  const [dim, bright] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (bright + 0.05) / (dim + 0.05);
}
function luminance(color) {
  const [red, green, blue] = channels(color).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
function channels(color) {
  return [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
}
// lib/evaluation/report/html/style.ts
/** The style sheet of the report. No `style` attribute stands beside it: the page's own policy forbids them. */
const steps = Array.from({ length: 8 }, (_, i) => i + 1);
function variables(theme) {
  const { series, right, wrong, ...plain } = theme;
  const heat = Object.entries({
    right,
    wrong,
  }).flatMap(([name, strongest]) =>
    steps.flatMap((step) => {
      const color = heatColor(theme, strongest, step);
      return [`--${name}${step}:${color}`, `--on-${name}${step}:${textColorOn(color)}`];
    }),
  );
  return [
    ...Object.entries(plain).map(([name, color]) => `--${name}:${color}`),
    ...series.map((color, i) => `--s${i}:${color}`),
    ...heat,
    `color-scheme:${theme === dark ? 'dark' : 'light'}`,
  ].join(';');
}
const heatRules = ['right', 'wrong'].flatMap((name) =>
  steps.map((step) => `.${name}${step}{fill:var(--${name}${step})}.on-${name}${step}{fill:var(--on-${name}${step})}`),
);
/** Curves differ by their dashes as well. */
const dashes = ['none', '7 3', '2 3', '9 3 2 3', '4 2', '12 4', '1 4', '6 2 1 2 1 2'];
const seriesRules = light.series.map((_, i) => `.s${i}{stroke:var(--s${i});stroke-dasharray:${dashes[i]}}`);
const style = `
:root{${variables(light)}}
@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light]){${variables(dark)}}}
@media screen{:root[data-theme=dark]{${variables(dark)}}}
*{box-sizing:border-box}
[hidden]{display:none!important}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-behavior:smooth;scroll-padding-top:3.5rem}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif;font-variant-numeric:tabular-nums}
header,main,footer{max-width:1160px;margin:0 auto;padding:0 24px}
h1,h2,h3,p,ul,dl,dd,figure{margin:0;padding:0}
h1{font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.015em;overflow-wrap:anywhere}
h2{font-size:19px;font-weight:650;letter-spacing:-.005em;margin-bottom:12px}
h3{font-size:14px;font-weight:650;margin:20px 0 8px}
bdi{overflow-wrap:anywhere}
code{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
a{color:var(--accent)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.muted,.note{color:var(--muted)}
.note{font-size:13.5px;margin:0 0 12px;max-width:75ch}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.top{display:flex;gap:24px;align-items:flex-start;justify-content:space-between;padding-top:36px}
.kicker{color:var(--muted);font-size:13px;font-weight:600;margin-bottom:4px}
.lede{color:var(--muted);margin-top:6px;font-size:16px}
.lede b{color:var(--ink);font-weight:600}
button{font:inherit;color:inherit}
#theme,.kinds button{border:1px solid var(--line);background:var(--surface);border-radius:999px;padding:4px 14px;font-size:13px;cursor:pointer}
#theme:hover,.kinds button:hover{border-color:var(--muted)}
.kinds button[aria-pressed=true]{background:var(--ink);border-color:var(--ink);color:var(--page)}
.alert{margin:20px 0 0;padding:10px 14px;border:1px solid var(--warn);border-radius:8px;background:var(--surface);color:var(--warn);font-size:14px}
.alert a{color:inherit}
nav{position:sticky;top:0;z-index:3;background:var(--page);border-bottom:1px solid var(--line);margin-top:22px}
nav ul{max-width:1160px;margin:0 auto;padding:0 24px;display:flex;flex-wrap:wrap;gap:2px 20px;list-style:none}
nav a{display:block;padding:10px 0;color:var(--muted);text-decoration:none;font-size:14px}
nav a:hover{color:var(--ink)}
section{margin-top:40px}
footer{color:var(--muted);font-size:13px;margin-top:48px;padding-bottom:40px}

.cards{list-style:none;display:grid;grid-template-columns:repeat(auto-fill,minmax(168px,1fr));gap:12px}
.card{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:12px 14px;min-width:0;display:flex;flex-direction:column}
.card .name{font-weight:600;font-size:14px;line-height:1.35}
.card .meaning{color:var(--muted);font-size:12.5px;line-height:1.35;min-height:1.35em}
.card .value{font-size:25px;line-height:1.2;font-weight:600;letter-spacing:-.015em;margin-top:auto;padding-top:8px}
.card .interval{color:var(--muted);font-size:12.5px;min-height:1.5em}
.headline{grid-column:span 2;grid-row:span 2;border-top:3px solid var(--accent);padding:16px 20px}
.headline .name{font-size:17px}
.headline .meaning{font-size:14px}
.headline .value{font-size:76px;letter-spacing:-.035em;line-height:1.05}
.headline .interval{font-size:14px}
@media (max-width:420px){.headline{grid-column:span 1}.headline .value{font-size:44px}}
svg{display:block;max-width:100%;height:auto}
.whisker{width:100%;margin:6px 0 2px;overflow:visible}
.track{stroke:var(--line);stroke-width:2;stroke-linecap:round}
.band{fill:var(--accent);fill-opacity:.32}
.dot{fill:var(--accent)}

table{border-collapse:collapse;width:100%;font-size:14px}
caption{text-align:left;font-weight:650;padding:12px 14px 2px}
th,td{padding:6px 14px;text-align:left;vertical-align:middle;border-bottom:1px solid var(--line);font-weight:400}
tbody:last-of-type tr:last-child>*{border-bottom:0}
thead th{color:var(--muted);font-size:12.5px;font-weight:600;white-space:nowrap;background:var(--surface);vertical-align:bottom}
thead bdi{display:inline-block;max-width:12rem;overflow:hidden;text-overflow:ellipsis;vertical-align:bottom}
tbody th{font-weight:500;min-width:8rem}
.number{text-align:right;white-space:nowrap}
tbody tr:hover>*{background:color-mix(in srgb,var(--accent) 6%,var(--surface))}
.scroll{position:relative;overflow:auto;background:var(--surface);border:1px solid var(--line);border-radius:10px}
.scroll+.scroll{margin-top:12px}
.scroll+.note{margin-top:10px}
.long{max-height:34rem}
.long thead th{position:sticky;top:0;z-index:1;box-shadow:inset 0 -1px var(--line)}
thead button{position:relative;border:0;background:none;padding:0;font-weight:inherit;cursor:pointer}
thead button::after{content:"";position:absolute;right:-1.1em}
thead .number button::after{right:auto;left:-1.1em}
[aria-sort=ascending] button::after{content:"\\2191"}
[aria-sort=descending] button::after{content:"\\2193"}
.bar{display:inline-block;width:64px;max-width:none;margin-right:10px;vertical-align:middle}
.trough{fill:var(--line)}
.fill{fill:var(--accent)}
.tag{display:inline-block;border:1px solid var(--line);border-radius:4px;padding:0 6px;font-size:12px;color:var(--muted);white-space:nowrap}
.notable .tag{color:var(--warn);border-color:var(--warn)}
.slices td.plot,.slices th.plot{width:264px;min-width:230px;padding:0 2px}
.plot svg{width:260px;max-width:100%}
.tick{fill:var(--muted);font-size:11.5px}
.grid{stroke:var(--line);stroke-width:1}
.overall{stroke:var(--muted);stroke-width:1.25}
.slices .attribute{font-weight:650;padding-top:16px;border-bottom-color:transparent;padding-bottom:2px}
td.interval{color:var(--muted);white-space:nowrap;font-size:13px}
.latency{width:auto;background:var(--surface);border:1px solid var(--line);border-radius:10px;border-collapse:separate;border-spacing:0}

.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(440px,100%),1fr));gap:16px}
.chart{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:14px 16px;max-width:640px}
.chart h3{margin:0 0 8px}
.chart>svg{width:100%}
.chart .tick{font-size:12px}
.axis{fill:var(--muted);font-size:12.5px}
.series,.behind,.diagonal{fill:none;stroke-linecap:round;stroke-linejoin:round}
.series{stroke-width:2}
.behind{stroke:var(--muted);stroke-opacity:.3;stroke-width:1}
.diagonal{stroke:var(--muted);stroke-width:1.25;stroke-dasharray:3 4}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;margin-top:8px}
.legend li{display:flex;align-items:center;gap:7px;min-width:0}
.legend svg{width:26px;flex:none}

.confusion{display:grid;grid-template-columns:minmax(0,auto) minmax(320px,1fr);gap:16px;align-items:start}
@media (max-width:980px){.confusion{grid-template-columns:minmax(0,1fr)}}
.confusion.wide{grid-template-columns:minmax(0,1fr)}
.pairs td:not(.number){min-width:7rem}
.pairs{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(400px,100%),1fr));gap:16px;align-content:start}
.confusion .scroll+.scroll{margin-top:0}
.confusion th,.confusion td{padding:4px 12px;font-size:13.5px}
.confusion>p{padding:12px 0}
.heat{max-width:none;margin:12px auto}
.floor{fill:var(--surface);stroke:var(--line)}
.label{fill:var(--ink)}

.tools{display:flex;flex-wrap:wrap;gap:10px 24px;align-items:center;justify-content:space-between;margin-bottom:12px}
.kinds{display:flex;flex-wrap:wrap;gap:6px}
.legend.boxes{margin:0}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(256px,1fr));gap:16px}
.example{background:var(--surface);border:1px solid var(--line);border-radius:10px;overflow:hidden;min-width:0}
.stage{width:100%;aspect-ratio:4/3;background:#14181d}
.missing{background:var(--page);border-bottom:1px dashed var(--muted);display:grid;place-content:center;text-align:center;color:var(--muted);font-size:13px;padding:16px}
.example figcaption{padding:10px 14px 12px}
.example .caption{margin-top:6px;font-size:14px;line-height:1.4;overflow-wrap:anywhere}
.example .file,.example .score{color:var(--muted);font-size:12.5px}
.example .score{margin-left:4px}
.halo,.truth,.found{fill:none}
.halo{stroke:${marks.halo};stroke-opacity:.55;stroke-width:4}
.truth{stroke:${marks.truth};stroke-width:2;stroke-dasharray:6 4}
.found{stroke:${marks.found};stroke-width:2}
.truth-tag{fill:${marks.truthTag}}
.found-tag{fill:${marks.foundTag}}
.tag-text{fill:${marks.tagText};font-size:11px;font-weight:500}

.setup{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:16px;align-items:start}
.setup>div{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:14px 16px;min-width:0}
.setup h3{margin:0 0 8px}
dl{display:grid;grid-template-columns:minmax(6.5rem,auto) minmax(0,1fr);gap:4px 14px;font-size:14px}
dt{color:var(--muted)}
td.message{overflow-wrap:anywhere;min-width:16rem}

${seriesRules.join('\n')}
${heatRules.join('\n')}
@media print{
@page{margin:14mm}
body{background:#fff;font-size:11pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}
header,main,footer{max-width:none;padding:0}
nav,#theme,.kinds{display:none}
.scroll,.long{overflow:visible;max-height:none}
.heat{max-width:100%}
.card,.chart,.example,.setup>div,tr{break-inside:avoid}
h2,h3{break-after:avoid}
.gallery{grid-template-columns:repeat(3,1fr)}
}
`;
// lib/evaluation/report/html/page.ts
var _templateObject;
/**
 * A page that needs nothing else, and is well-formed XML. It forbids itself all that is not in it, by a policy with hashes of its own style and script.
 * `made`: a time as ISO 8601; `ownStyle`: rules that follow those of all reports.
 */
function htmlPage({ title, foveate, made, heading, sections, ownStyle = '' }) {
  const rules = style + ownStyle;
  const present = sections.filter(([, , body]) => body !== void 0);
  return markup(
    _templateObject ||
      (_templateObject = _taggedTemplateLiteral([
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n<meta http-equiv="Content-Security-Policy" content="',
        '"/>\n<meta name="viewport" content="width=device-width, initial-scale=1"/>\n<meta name="generator" content="foveate ',
        '"/>\n<title>',
        '</title>\n<style>',
        '</style>\n</head>\n<body>\n',
        '\n<nav aria-label="Sections"><ul>',
        '</ul></nav>\n<main>',
        '\n</main>\n<footer>Made by foveate ',
        ', ',
        '.</footer>\n<script>',
        '<\/script>\n</body>\n</html>\n',
      ])),
    policyOf(rules),
    foveate,
    shortened(title, 120),
    asMarkup(rules),
    heading,
    present.map(([id, name]) => markup`<li><a href="#${id}">${name}</a></li>`),
    present.map(([, , body]) => body),
    foveate,
    madeAt(made),
    asMarkup(script),
  ).toString();
}
/** Changes the colours; the page's script shows it. */
const themeButton = markup`<button type="button" id="theme" title="Change the colours" data-needs-script="" hidden="">Dark</button>`;
/** A time in UTC, as people read it; as it was given where it is none. */
function madeAt(made) {
  const time = new Date(made);
  if (Number.isNaN(time.getTime())) return markup`${shortened(made, 40)}`;
  const iso = time.toISOString();
  return markup`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`;
}
const hashOf = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
/** Nothing is loaded, and no style or script runs but the page's own: not even one that stood in a name. */
function policyOf(rules) {
  return `default-src 'none'; img-src data:; style-src ${hashOf(rules)}; script-src ${hashOf(script)}; base-uri 'none'; form-action 'none'`;
}
// lib/evaluation/report/html/parts.ts
/** Pieces that the sections of the report are made of. */
/** Names may be of any length: a report must stay one that can be sent. */
const nameLength = 160;
/** A part of the page under a heading, which the list at the top leads to. */
function section(id, title, body, note) {
  return markup`
<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${note !== void 0 && note !== false && markup`<p class="note">${note}</p>`}${body}</section>`;
}
/** A name from data: of bounded length, and of a direction of its own. */
function named(name) {
  return markup`<bdi>${shortened(name, nameLength)}</bdi>`;
}
/** A cell of a number, with the value that the table is sorted by. */
function numberCell(text, value, drawing) {
  return markup`<td class="number" data-value="${isNumber(value) ? value : ''}">${drawing}${text}</td>`;
}
/** Something wide or long, which is scrolled in its own frame, with the keyboard too. */
function scrolled(label, body, isLong = false) {
  return markup`<div class="scroll${isLong && ' long'}" role="region" tabindex="0" aria-label="${label}">${body}</div>`;
}
// lib/optimize/report/form-rows.ts
/** The table before and after, as text: all reports take it from here. */
const formTitles = {
  float32: 'FP32',
  onnxruntime: 'INT8 for ONNX Runtime',
  tensorrt: 'INT8 for TensorRT',
};
const nothing = { text: '–' };
function formRows(report) {
  const { forms, layers } = report;
  const of = (group, name, cell) => ({
    group,
    name,
    cells: forms.map(cell),
  });
  const threads = [...new Set(forms.flatMap(({ latency }) => latency.map((one) => one.threads)))];
  const timed = (name, count, cell) =>
    of('speed', `${name}, ${threadText(count)}`, (form) => {
      const latency = form.latency.find((one) => one.threads === count);
      return latency === void 0 ? nothing : cell(latency, form);
    });
  return [
    of('size', 'File', ({ bytes, sizeRatio, form }) => ({
      text: byteText(bytes),
      note: form === 'float32' ? void 0 : timesText(sizeRatio),
    })),
    ...(layers.length === 0 ? [] : [of('size', 'INT8 layers', ({ form }) => layerCell(report, form))]),
    of('size', 'In the bundle', ({ shipped }) => ({ text: shipped ? 'yes' : 'no' })),
    ...threads.flatMap((count) => [
      timed('Latency', count, ({ medianMs, ratio, verdict }, { form }) => ({
        text: msText(medianMs),
        ...(form !== 'float32' && {
          note: `${timesText(ratio)}, ${verdict}`,
          tone: verdict === 'same' ? void 0 : verdict === 'faster' ? 'good' : 'bad',
        }),
      })),
      timed('95 of 100 within', count, ({ p95Ms }) => ({ text: msText(p95Ms) })),
      timed('Throughput', count, ({ throughput }) => ({ text: `${shortNumber(throughput)}/s` })),
    ]),
    ...energyRows(forms, threads),
    ...agreementRows(forms),
    ...accuracyRows(forms),
  ];
}
function layerCell({ layers }, form) {
  if (form === 'float32') return { text: `0 of ${layers.length}` };
  const quantized = layers.filter(({ precision }) => precision[form] === 'int8');
  const macsOf = (some) => some.reduce((sum, { macs }) => sum + (macs ?? 0), 0);
  const all = macsOf(layers);
  return {
    text: `${quantized.length} of ${layers.length}`,
    note: all === 0 ? void 0 : `${((100 * macsOf(quantized)) / all).toFixed(1)} % of MACs`,
  };
}
function energyRows(forms, threads) {
  return threads.flatMap((count) => {
    const joules = forms.map(({ latency }) => latency.find((one) => one.threads === count)?.joules);
    if (joules.every((value) => value === void 0)) return [];
    const [before] = joules;
    const cells = joules.map((value, i) => {
      if (value === void 0) return nothing;
      const ratio = before === void 0 || i === 0 ? void 0 : timesText(value / before);
      return {
        text: `${shortNumber(value)} J`,
        note: ratio,
      };
    });
    return [
      {
        group: 'energy',
        name: `Energy of a picture, ${threadText(count)}`,
        cells,
      },
    ];
  });
}
function agreementRows(forms) {
  return [...new Set(forms.flatMap(({ agreement }) => agreement?.metrics.map(({ name }) => name) ?? []))].map((name) => ({
    group: 'agreement',
    name: `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    cells: forms.map(({ agreement }) => {
      const metric = agreement?.metrics.find((one) => one.name === name);
      return metric === void 0 ? nothing : agreementCell(metric);
    }),
  }));
}
function agreementCell({ value, interval }) {
  return {
    text: isNumber(value) ? value.toFixed(3) : '–',
    note: interval === void 0 ? void 0 : interval.map((end) => end.toFixed(3)).join(' to '),
  };
}
function accuracyRows(forms) {
  return Object.keys(forms[0]?.accuracy?.metrics ?? {}).map((name) => ({
    group: 'accuracy',
    name,
    cells: forms.map(({ accuracy }) => {
      const text = metricText(name, accuracy?.metrics[name]);
      const comparison = accuracy?.comparison.find((one) => one.name === name);
      if (comparison === void 0 || !isNumber(comparison.difference)) return { text };
      const { difference, verdict } = comparison;
      const signed = `${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(3)}`;
      return {
        text,
        note: verdict === 'no difference that shows' ? `${signed}, none that shows` : `${signed}, ${verdict}`,
        tone: verdict === 'worse' ? 'bad' : verdict === 'better' ? 'good' : void 0,
      };
    }),
  }));
}
function threadText(count) {
  return `${count} ${count === 1 ? 'thread' : 'threads'}`;
}
function byteText(bytes) {
  return bytes < 1e5 ? `${bytes.toLocaleString('en-US')} bytes` : `${(bytes / 1e6).toFixed(bytes < 1e6 ? 2 : 1)} MB`;
}
function msText(ms) {
  return `${ms.toFixed(ms < 1 ? 3 : ms < 10 ? 2 : 1)} ms`;
}
/** 0.27x */
function timesText(ratio) {
  return `${ratio.toFixed(ratio < 10 ? 2 : 0)}x`;
}
/** Three digits. */
function shortNumber(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : '–';
}
// lib/evaluation/report/html/drawing.ts
/** A coordinate, to a tenth of a unit. */
function coordinate(value) {
  return String(Math.round(value * 10) / 10);
}
/** From values between `low` and `high` to places between `start` and `end`. */
function scale(low, high, start, end) {
  const span = high - low || 1;
  return (value) => start + ((value - low) / span) * (end - start);
}
// lib/optimize/report/latency-chart.ts
const [left$1, right, width] = [190, 900, 1060];
const rowHeight = 26;
/** A bar for each form and number of threads, on one axis of milliseconds from 0. */
function latencyChart(forms) {
  const groups = [...new Set(forms.flatMap(({ latency }) => latency.map((one) => one.threads)))].map((count) => ({
    count,
    bars: forms.flatMap(({ form, latency }) => {
      const found = latency.find((one) => one.threads === count);
      return found === void 0
        ? []
        : [
            {
              form,
              latency: found,
            },
          ];
    }),
  }));
  const x = scale(
    0,
    Math.max(...groups.flatMap(({ bars }) => bars.map(({ latency }) => latency.p95Ms)), Number.MIN_VALUE),
    left$1,
    right,
  );
  let y = 0;
  const drawn = groups.map(({ count, bars }) => {
    y += 24;
    return [
      markup`<text class="plot-title" x="0" y="${y - 8}">${threadText(count)}</text>`,
      ...bars.map((bar) => {
        y += rowHeight;
        return drawBar(bar, x, y - rowHeight);
      }),
    ];
  });
  return markup`<div class="plot-frame"><svg viewBox="0 0 ${width} ${y + 4}" role="img" aria-label="Latency of each form">${drawn}</svg></div>`;
}
function drawBar({ form, latency }, x, top) {
  const { medianMs, quartilesMs, p95Ms } = latency;
  const [low, high] = quartilesMs;
  const middle = top + 10;
  const end = x(Math.max(p95Ms, medianMs));
  return markup`
<text class="tick" x="${left$1 - 10}" y="${middle + 4}" text-anchor="end">${formTitles[form]}</text><rect class="bar-${form}" x="${left$1}" y="${top + 2}" width="${coordinate(x(medianMs) - left$1)}" height="16" rx="3"/><line class="tail" x1="${coordinate(x(high))}" y1="${middle}" x2="${coordinate(x(p95Ms))}" y2="${middle}"/><line class="quartiles" x1="${coordinate(x(low))}" y1="${middle}" x2="${coordinate(x(high))}" y2="${middle}"/><text class="label tick" x="${coordinate(end + 8)}" y="${middle + 4}">${msText(medianMs)}</text>`;
}
// lib/optimize/report/layer-plot.ts
/** All layers side by side: what is quantised, how much that hurts, how far outputs reach, where the work is. */
const left = 96;
const plotWidth = 940;
/** A layer is at least so wide: of more layers, the drawing becomes wider and is scrolled. */
const leastStep = 4;
const mostStep = 40;
const bandTop = 8;
const noise = {
  top: 74,
  bottom: 204,
};
const range = {
  top: 244,
  bottom: 364,
};
const work = {
  top: 404,
  bottom: 464,
};
const height = 492;
/** Four panels over one axis: the layers in the order of the graph. */
function layerPlot(layers) {
  const step = Math.min(mostStep, Math.max(leastStep, plotWidth / layers.length));
  const right = left + step * layers.length;
  const columns = {
    count: layers.length,
    step,
    right,
    x: (place) => left + step * (place + 0.5),
  };
  const width = Math.ceil(Math.max(right + 24, 1060));
  const panels = [
    bands(layers, columns),
    noisePanel(layers, columns),
    rangePanel(layers, columns),
    workPanel(layers, columns),
    axis(columns),
  ];
  return markup`<div class="plot-frame" role="region" tabindex="0" aria-label="Plots of the layers"><svg${right > 1037 && markup` class="wide" width="${width}"`} viewBox="0 0 ${width} ${height}" role="img" aria-label="Precision, noise, range and work of each layer; the table below has the numbers">${panels}</svg></div>`;
}
function bands(layers, { step, x }) {
  const row = (form, title, y) =>
    markup`<text class="tick" x="${86}" y="${y + 13}" text-anchor="end">${title}</text>${layers.map(({ precision, name }, place) => markup`<rect class="cell-${precision[form]}" x="${coordinate(x(place) - step / 2)}" y="${y}" width="${coordinate(Math.max(step - 1, 1))}" height="18"><title>${label(place, name)}: ${precision[form] === 'int8' ? 'INT8' : 'FP32'}</title></rect>`)}`;
  return markup`${row('onnxruntime', 'ONNX Runtime', bandTop)}${row('tensorrt', 'TensorRT', 30)}<rect class="cell-int8" x="${left}" y="${52}" width="9" height="9" rx="2"/><text class="tick" x="${110}" y="${61}">INT8</text><rect class="cell-float32" x="${154}" y="${52}" width="9" height="9" rx="2"/><text class="tick" x="${168}" y="${61}">FP32</text>`;
}
function noisePanel(layers, { step, x, right }) {
  const values = layers.flatMap(({ noiseDb }) => (isNumber(noiseDb) ? [noiseDb] : []));
  if (values.length === 0) return void 0;
  const most = Math.max(20, ...values);
  const least = Math.min(0, ...values);
  const y = scale(least, most, noise.bottom, noise.top);
  const every = most - least > 60 ? 20 : 10;
  const ticks = [];
  for (let tick = Math.ceil(least / every) * every; tick <= most; tick += every) ticks.push(tick);
  return markup`${title('Signal to noise, dB', noise.top)}${ticks.map((tick) => gridLine(y(tick), String(tick), right))}${layers.map(
    ({ noiseDb, precision, name }, place) => {
      if (!isNumber(noiseDb)) return void 0;
      const kind = precision.onnxruntime;
      return markup`<line class="stem-${kind}" x1="${coordinate(x(place))}" y1="${coordinate(y(least))}" x2="${coordinate(x(place))}" y2="${coordinate(y(noiseDb))}" stroke-width="${coordinate(Math.min(2, step / 3))}"/><circle class="cell-${kind}" cx="${coordinate(x(place))}" cy="${coordinate(y(noiseDb))}" r="${coordinate(Math.min(3.5, Math.max(1.6, step / 3)))}"><title>${label(place, name)}: ${noiseDb.toFixed(1)} dB</title></circle>`;
    },
  )}`;
}
/** By the inverse hyperbolic sine: linear around 0, logarithmic beyond, so that a few outputs that reach far do not hide all others. */
function rangePanel(layers, { step, x, right }) {
  const ranges = layers.flatMap(({ range }) => (range === void 0 ? [] : [range]));
  if (ranges.length === 0) return void 0;
  const least = Math.min(0, ...ranges.map(({ min }) => min));
  const most = Math.max(0, ...ranges.map(({ max }) => max));
  const along = scale(Math.asinh(least), Math.asinh(most), range.bottom, range.top);
  const y = (value) => along(Math.asinh(value));
  const ticks = [-1e4, -1e3, -100, -10, -1, 0, 1, 10, 100, 1e3, 1e4].filter((tick) => tick >= least && tick <= most);
  const apart = ticks.filter((tick, i) => i === 0 || tick === 0 || Math.abs(y(tick) - y(ticks[i - 1])) >= 12);
  return markup`${title('Range of the output', range.top)}${apart.map((tick) => gridLine(y(tick), shortNumber(tick), right))}${layers.map(({ range: ends, name }, place) => ends !== void 0 && markup`<line class="span" x1="${coordinate(x(place))}" y1="${coordinate(y(ends.min))}" x2="${coordinate(x(place))}" y2="${coordinate(y(ends.max))}" stroke-width="${coordinate(Math.min(8, Math.max(1.5, step * 0.6)))}"><title>${label(place, name)}: ${shortNumber(ends.min)} to ${shortNumber(ends.max)}</title></line>`)}`;
}
function workPanel(layers, { step, x, right }) {
  const all = layers.reduce((sum, { macs }) => sum + (macs ?? 0), 0);
  if (all === 0) return void 0;
  const most = Math.max(...layers.map(({ macs }) => (macs ?? 0) / all));
  const y = scale(0, most, work.bottom, work.top);
  const text = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
  return markup`${title('Share of the work (MACs)', work.top)}${[0, most].map((tick) => gridLine(y(tick), text(tick), right))}${layers.map(({ macs, name }, place) => isNumber(macs) && macs > 0 && markup`<rect class="macs" x="${coordinate(x(place) - step / 2)}" y="${coordinate(y(macs / all))}" width="${coordinate(Math.max(step - 1, 1))}" height="${coordinate(work.bottom - y(macs / all))}"><title>${label(place, name)}: ${text(macs / all)}</title></rect>`)}`;
}
function title(text, top) {
  return markup`<text class="plot-title" x="${left}" y="${top - 10}">${text}</text>`;
}
function gridLine(y, text, right) {
  return markup`<line class="grid" x1="${left}" y1="${coordinate(y)}" x2="${coordinate(right)}" y2="${coordinate(y)}"/><text class="tick" x="${88}" y="${coordinate(y + 4)}" text-anchor="end">${text}</text>`;
}
/** Numbers of layers, as the table has them. */
function axis({ count, step, x }) {
  const every = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((one) => one * step >= 36) ?? 1e3;
  const places = [];
  for (let place = 0; place < count; place += every) places.push(place === 0 ? 0 : place - 1);
  return markup`${places.map((place) => markup`<text class="tick" x="${coordinate(x(place))}" y="${work.bottom + 18}" text-anchor="middle">${place + 1}</text>`)}`;
}
function label(place, name) {
  return `${place + 1} ${shortened(name, 100)}`;
}
// lib/optimize/report/style.ts
/** Rules of the report of an optimisation, besides those of all reports. */
const ownStyle = `
header .cards{margin-top:22px}
.forms td.number,.forms thead th{min-width:11rem}
.forms .attribute{font-weight:650;padding-top:16px;padding-bottom:2px;border-bottom-color:transparent}
.main{font-weight:550}
.beside{color:var(--muted);font-size:12.5px}
.beside.good{color:var(--accent);font-weight:600}
.beside.bad{color:var(--warn);font-weight:600}
.tag.int8{color:var(--accent);border-color:var(--accent)}
.tag.float32{color:var(--warn);border-color:var(--warn)}
.reason{min-width:14rem;color:var(--muted);overflow-wrap:anywhere}
.layers th[scope=row]{max-width:22rem;overflow-wrap:anywhere}
.said{padding-left:1.2em;max-width:80ch}
.said li+li{margin-top:6px}
.plot-frame{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:14px 16px;margin-bottom:12px;overflow:auto}
.plot-frame>svg{min-width:760px;width:100%}
.plot-frame .wide{width:auto;max-width:none}
.plot-title{fill:var(--ink);font-size:12.5px;font-weight:600}
.cell-int8{fill:var(--accent)}
.cell-float32{fill:var(--warn)}
.stem-int8{stroke:var(--accent);stroke-opacity:.45}
.stem-float32{stroke:var(--warn);stroke-opacity:.6}
.span{stroke:var(--s2);stroke-linecap:round}
.macs{fill:var(--muted);fill-opacity:.55}
.quartiles{stroke:var(--ink);stroke-width:2}
.tail{stroke:var(--muted);stroke-width:1.25}
.bar-float32{fill:var(--muted);fill-opacity:.55}
.bar-onnxruntime,.bar-tensorrt{fill:var(--accent)}
`;
// lib/optimize/report/words.ts
/** Without a full stop. */
function machineText({ machine: { cpu, cores, runtime, platform } }) {
  return `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${platform}, ${runtime}`;
}
/** Without a full stop. */
function calibrationText({ calibration }) {
  const { pictures, seconds, table, heldBack, seed } = calibration;
  const how = table === void 0 ? (seconds === void 0 ? '' : ` in ${seconds.toFixed(1)} s`) : `, by the table ${table}`;
  return `Calibrated with ${countText(pictures)}${how}, measured on ${countText(heldBack)} held back (seed ${seed})`;
}
function countText(pictures) {
  return `${pictures.toLocaleString('en-US')} ${pictures === 1 ? 'picture' : 'pictures'}`;
}
// lib/optimize/report/html-report.ts
/** Layers beyond that are in layers.csv alone. */
const shownLayers = 2e3;
const longTable = 24;
/** An optimisation as one HTML file that needs nothing else, as the reports of evaluations are. */
function htmlReport(report) {
  const { model, foveate, made } = report;
  return htmlPage({
    title: `${model.name} in INT8`,
    foveate,
    made,
    heading: heading(report),
    ownStyle,
    sections: [
      ['forms', 'Before and after', formSection(report)],
      ['latency', 'Latency', latencySection(report)],
      ['layers', 'Layers', layerSection(report)],
      ['pictures', 'Pictures', pictureSection(report)],
      ['decisions', 'Decisions', listSection('decisions', 'Decisions', report.decisions)],
      ['notes', 'Notes', listSection('notes', 'Notes', report.notices)],
      ['setup', 'Setup', setupSection(report)],
    ],
  });
}
function heading(report) {
  const { model, forms } = report;
  const keptFloat = forms.some(({ form, shipped }) => form === 'float32' && shipped);
  return markup`<header>
<div class="top"><div><p class="kicker">Optimisation to INT8</p>
<h1>${named(model.name)}</h1>
<p class="lede">${calibrationText(report)}.</p></div>
${themeButton}</div>${
    keptFloat &&
    markup`
<p class="alert" role="note">INT8 is slower than FP32 here: the bundle has FP32 for ONNX Runtime. <a href="#decisions">What was decided</a>.</p>`
  }
<ul class="cards">${cards(report).map(
    ({ name, meaning, value, note }) => markup`
<li class="card"><p class="name">${name}</p><p class="meaning">${meaning}</p><p class="value">${value}</p><p class="interval">${note ?? markup`&nbsp;`}</p></li>`,
  )}</ul>
</header>`;
}
/** What whoever reads no further is to know: of the form for ONNX Runtime, and what that for TensorRT kept. */
function cards(report) {
  const told = [];
  for (const { form, bytes, sizeRatio, latency, agreement } of report.forms) {
    if (form === 'float32') continue;
    const engine = form === 'onnxruntime' ? 'ONNX Runtime' : 'TensorRT';
    if (form === 'onnxruntime') {
      told.push({
        name: 'Size',
        meaning: 'of FP32',
        value: timesText(sizeRatio),
        note: `${(bytes / 1e6).toFixed(1)} MB`,
      });
      for (const { threads, ratio, medianMs, verdict } of latency)
        told.push({
          name: `Latency, ${threadText(threads)}`,
          meaning: 'of FP32',
          value: timesText(ratio),
          note: `${msText(medianMs)}, ${verdict}`,
        });
    }
    const metric = agreement?.metrics[0];
    if (metric === void 0) continue;
    const { name, value, interval } = metric;
    told.push({
      name: `${name.charAt(0).toUpperCase()}${name.slice(1)}, ${engine}`,
      meaning: 'agreement with FP32',
      value: isNumber(value) ? value.toFixed(3) : '–',
      note: interval === void 0 ? void 0 : `${interval.map((end) => end.toFixed(3)).join(' to ')}`,
    });
  }
  return told;
}
const groupTitles = {
  size: 'Size',
  speed: 'Speed',
  energy: 'Energy',
  agreement: 'Agreement with FP32, on pictures held back',
  accuracy: 'Accuracy by labels, on pictures held back',
};
function formSection(report) {
  const { forms } = report;
  const rows = formRows(report);
  const groups = [...new Set(rows.map(({ group }) => group))];
  const table = markup`<table class="forms"><caption class="unseen">The model before and after</caption>
<thead><tr><td></td>${forms.map(({ form }) => markup`<th scope="col" class="number">${formTitles[form]}</th>`)}</tr></thead>${groups.map(
    (group) => markup`<tbody>
<tr><th scope="rowgroup" colspan="${forms.length + 1}" class="attribute">${groupTitles[group]}</th></tr>${rows
      .filter((row) => row.group === group)
      .map(
        ({ name, cells }) => markup`
<tr><th scope="row">${named(name)}</th>${cells.map(formCell)}</tr>`,
      )}</tbody>`,
  )}</table>`;
  const judged = forms.filter((form) => form.judged !== '').map((form) => `${formTitles[form.form]}: ${form.judged}`);
  return section(
    'forms',
    'Before and after',
    scrolled('Before and after', table),
    `Judged by running ${judged.join('. ')}. Intervals are 95 %, by bootstrap over pictures.`,
  );
}
function formCell({ text, note, tone }) {
  return markup`<td class="number"><span class="main">${text}</span>${note !== void 0 && markup`<br/><span class="beside${tone !== void 0 && ` ${tone}`}">${note}</span>`}</td>`;
}
function latencySection({ forms }) {
  const timed = forms.filter(({ latency }) => latency.length > 0);
  if (timed.length === 0) return void 0;
  return section(
    'latency',
    'Latency',
    latencyChart(timed),
    'Of one run of the engine: bars are medians, lines reach from the first to the third quartile, and on to where 95 of 100 runs end.',
  );
}
function layerSection({ layers }) {
  if (layers.length === 0) return void 0;
  const shown = layers.slice(0, shownLayers);
  const table = markup`<table data-sortable="" class="layers"><caption class="unseen">Layers</caption>
<thead><tr><th scope="col" class="number">#</th><th scope="col">Layer</th><th scope="col">Operator</th><th scope="col" class="number">MACs</th><th scope="col">ONNX Runtime</th><th scope="col">TensorRT</th><th scope="col" class="number">Noise, dB</th><th scope="col" class="number">Min</th><th scope="col" class="number">Max</th><th scope="col">Why float</th></tr></thead><tbody>${shown.map(layerRow)}
</tbody></table>`;
  return section(
    'layers',
    `${countText$1(layers.length)} layers`,
    [
      layerPlot(shown),
      scrolled('Layers', table, shown.length > longTable),
      shown.length < layers.length && markup`<p class="note">${countText$1(shown.length)} are shown; layers.csv has all.</p>`,
    ],
    'In the order of the graph. Noise is that of quantising a layer’s output alone, of its worst group of channels: the lower the number, the more it hurts.',
  );
}
function layerRow({ name, operator, macs, precision, noiseDb, range, reason }, place) {
  return markup`
<tr>${numberCell(String(place + 1), place + 1)}<th scope="row">${named(name)}</th><td>${shortened(operator, 60)}</td>${numberCell(isNumber(macs) ? countText$1(macs) : '–', macs)}${precisionCell(precision.onnxruntime)}${precisionCell(precision.tensorrt)}${numberCell(isNumber(noiseDb) ? noiseDb.toFixed(1) : '–', noiseDb)}${numberCell(range === void 0 ? '–' : shortNumber(range.min), range?.min)}${numberCell(range === void 0 ? '–' : shortNumber(range.max), range?.max)}<td class="reason">${reason !== void 0 && shortened(reason, 200)}</td></tr>`;
}
function precisionCell(precision) {
  return markup`<td><span class="tag ${precision}">${precision === 'int8' ? 'INT8' : 'FP32'}</span></td>`;
}
function pictureSection({ forms }) {
  const rows = forms.flatMap(({ form, agreement }) =>
    (agreement?.worst ?? []).map((worst) => ({
      form,
      ...worst,
    })),
  );
  if (rows.length === 0) return void 0;
  return section(
    'pictures',
    'Pictures that differ most',
    scrolled(
      'Pictures that differ most',
      markup`<table data-sortable=""><caption class="unseen">Pictures that differ most</caption>
<thead><tr><th scope="col">Form</th><th scope="col">Picture</th><th scope="col" class="number">Likeness</th></tr></thead><tbody>${rows.map(
        ({ form, picture, value }) => markup`
<tr><td>${formTitles[form]}</td><th scope="row">${named(picture)}</th>${numberCell(isNumber(value) ? value.toFixed(3) : '–', value)}</tr>`,
      )}</tbody></table>`,
    ),
  );
}
function listSection(id, title, lines) {
  if (lines.length === 0) return void 0;
  return section(id, title, markup`<ul class="said">${lines.map((line) => markup`<li>${line}</li>`)}</ul>`);
}
function setupSection(report) {
  const { model, machine, task, seconds, calibration } = report;
  const list = (title, rows) =>
    markup`<div><h3>${title}</h3><dl>${rows.filter(([, value]) => value !== void 0).map(([name, value]) => markup`<dt>${name}</dt><dd>${typeof value === 'string' ? named(value) : value}</dd>`)}</dl></div>`;
  return section(
    'setup',
    'Setup',
    markup`<div class="setup">${list('Model', [
      ['Name', model.name],
      ['Task', task],
      ['Size', `${countText$1(model.bytes)} bytes`],
      ['SHA-256', markup`<code>${shortened(model.sha256, 80)}</code>`],
    ])}${list('Machine', [
      ['Processor', machineText(report)],
      ['Node', machine.node],
      ['Energy', machine.noEnergy === void 0 ? void 0 : `Not measured: ${machine.noEnergy}`],
    ])}${list('Steps', [
      [
        'Calibrated',
        `${countText$1(calibration.pictures)} pictures${calibration.table === void 0 ? '' : `, ${calibration.table}`}`,
      ],
      ['Held back', `${countText$1(calibration.heldBack)} pictures`],
      ['Seed', String(calibration.seed)],
      ...Object.entries(seconds).map(([step, took]) => [step, `${took.toFixed(1)} s`]),
    ])}</div>`,
  );
}
// lib/optimize/report/markdown-report.ts
/** An optimisation as Markdown, with tables as GitHub writes them. */
function markdownReport(report) {
  const { model, forms, layers, decisions, notices, foveate, made } = report;
  const worst = forms.flatMap(({ form, agreement }) =>
    (agreement?.worst ?? []).map(({ picture, value }) => [formTitles[form], picture, value === null ? '' : value.toFixed(3)]),
  );
  return [
    `# ${escaped(model.name)} in INT8`,
    `${escaped(machineText(report))}. ${escaped(calibrationText(report))}.`,
    '## Before and after',
    table(
      ['', ...forms.map(({ form }) => formTitles[form])],
      formRows(report).map(({ name, cells }) => [name, ...cells.map(cellText)]),
    ),
    ...listed$1('Decided', decisions),
    ...listed$1('Notes', notices),
    ...(worst.length === 0 ? [] : ['## Pictures that differ most', table(['Form', 'Picture', 'Likeness'], worst)]),
    ...(layers.length === 0
      ? []
      : [
          '## Layers',
          table(
            ['Layer', 'Operator', 'MACs', 'ONNX Runtime', 'TensorRT', 'Noise, dB', 'Range', 'Reason'],
            layers.map(({ name, operator, macs, precision, noiseDb, range, reason = '' }) => [
              ...[name, operator, macs === null ? '' : macs.toLocaleString('en-US')],
              ...[precision.onnxruntime, precision.tensorrt, noiseDb === void 0 ? '' : noiseDb.toFixed(1)],
              range === void 0 ? '' : `${shortNumber(range.min)} to ${shortNumber(range.max)}`,
              reason,
            ]),
          ),
        ]),
    `Made by foveate ${foveate}, ${made}.`,
    '',
  ].join('\n\n');
}
function listed$1(title, lines) {
  return lines.length === 0 ? [] : [`## ${title}`, lines.map((line) => `- ${escaped(line)}`).join('\n')];
}
function table(head, rows) {
  const line = (cells) => `| ${cells.map(escaped).join(' | ')} |`;
  return [line(head), `|${head.map(() => ' --- |').join('')}`, ...rows.map(line)].join('\n');
}
function cellText({ text, note }) {
  return note === void 0 ? text : `${text} (${note})`;
}
/** Names come from models and file systems: none of them may begin a tag, a link or a cell, or end its line. */
function escaped(text) {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ').replace(/[\\`*_{}[\]<>|#&]/g, '\\$&');
}
// lib/optimize/report/table-report.ts
/** An optimisation in lines for a terminal: the table before and after, what was decided, what to know. */
function tableReport(report) {
  const { model, forms, decisions, notices } = report;
  const head = ['', ...forms.flatMap(({ form }) => [{ number: formTitles[form] }, ''])];
  const rows = formRows(report).map(({ name, cells }) => [name, ...cells.flatMap(cellsOf)]);
  return [
    printable(`${model.name} in INT8`),
    '',
    ...alignRows([head, ...rows]),
    ...listed('Decided', decisions),
    ...listed('Note', notices),
  ];
}
function cellsOf({ text, note }) {
  return [{ number: text }, note === void 0 || text === '–' ? '' : `(${note})`];
}
function listed(title, lines) {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => printable(`  ${line}`))];
}
// lib/optimize/report/csv-report.ts
/** The forms as CSV: form, what is told, threads where it depends on them, value, low, high. What there is no number for is left empty. */
function csvOfForms({ forms }) {
  return [
    csvRecord(['form', 'name', 'threads', 'value', 'low', 'high']),
    ...forms.flatMap(({ form, bytes, sizeRatio, shipped, latency, agreement, accuracy }) => {
      const record = (name, value, ends = [], threads) =>
        csvRecord([form, name, threads, value ?? void 0, ends[0] ?? void 0, ends[1] ?? void 0]);
      return [
        record('bytes', bytes),
        record('size ratio', sizeRatio),
        record('shipped', Number(shipped)),
        ...latency.flatMap(({ threads, medianMs, quartilesMs, p95Ms, throughput, ratio, ratioRange, joules }) => [
          record('latency ms', medianMs, quartilesMs, threads),
          record('latency p95 ms', p95Ms, [], threads),
          record('throughput', throughput, [], threads),
          record('latency ratio', ratio, ratioRange, threads),
          ...(joules === void 0 ? [] : [record('joules', joules, [], threads)]),
        ]),
        ...(agreement?.metrics.map(({ name, value, interval }) => record(`agreement ${name}`, value, interval)) ?? []),
        ...Object.entries(accuracy?.metrics ?? {}).map(([name, value]) =>
          record(`accuracy ${name}`, value, accuracy?.intervals[name]),
        ),
      ];
    }),
  ].join('');
}
/** The layers as CSV, in the order of the graph. */
function csvOfLayers({ layers }) {
  return [
    csvRecord(['layer', 'operator', 'macs', 'onnxruntime', 'tensorrt', 'noise db', 'min', 'max', 'reason']),
    ...layers.map(({ name, operator, macs, precision, noiseDb, range, reason }) =>
      csvRecord([
        ...[name, operator, macs ?? void 0, precision.onnxruntime, precision.tensorrt],
        ...[noiseDb, range?.min, range?.max, reason],
      ]),
    ),
  ].join('');
}
// tests/optimize/made-report.ts
const layers = Array.from({ length: 60 }, (_, i) => {
  const isStem = i === 0;
  const isHead = i > 54;
  const depthwise = i % 7 === 3;
  return {
    name: `/model.${i}/conv/Conv`,
    operator: depthwise ? 'Conv (depthwise)' : i === 57 ? 'Resize' : 'Conv',
    macs: i === 57 ? null : depthwise ? 9e5 : Math.round(4e6 * (30 + 25 * Math.sin(i / 5))),
    precision: {
      onnxruntime: isStem || isHead ? 'float32' : 'int8',
      tensorrt: depthwise || isHead ? 'float32' : 'int8',
    },
    ...(isStem && { reason: 'few input channels: the integer kernel is slower' }),
    ...(isHead && { reason: 'after the last layer with weights' }),
    ...(depthwise && !isHead && !isStem && { reason: 'depthwise: TensorRT pads it' }),
    ...(!isHead && {
      range: {
        min: -(2 + (i % 9) ** 2),
        max: 4 + ((i * 7) % 23) ** 1.5,
      },
    }),
    ...(!isHead && { noiseDb: 38 + 9 * Math.sin(i * 1.7) - (depthwise ? 14 : 0) - (isStem ? 30 : 0) }),
  };
});
const latency = (name, threads, medianMs, ratio) => ({
  name,
  threads,
  runs: 120,
  medianMs,
  quartilesMs: [medianMs * 0.98, medianMs * 1.05],
  p95Ms: medianMs * 1.2,
  throughput: 1e3 / medianMs,
  ratio,
  ratioRange: [ratio * 0.97, ratio * 1.04],
  verdict: ratio < 1 ? 'faster' : ratio > 1 ? 'slower' : 'same',
  joules: 0.04 * medianMs,
});
const agreement = (recall) => ({
  task: 'detect',
  pictures: 96,
  metrics: [
    {
      name: 'recall',
      value: recall,
      interval: [recall - 0.03, recall + 0.02],
    },
    {
      name: 'precision',
      value: 0.961,
      interval: [0.94, 0.98],
    },
    {
      name: 'mean IoU',
      value: 0.969,
      interval: [0.965, 0.972],
    },
    {
      name: 'score error',
      value: 0.0352,
      interval: [0.03, 0.04],
    },
    {
      name: 'hysteresis recall',
      value: 0.99,
      interval: [0.98, 1],
    },
    {
      name: 'hysteresis precision',
      value: null,
    },
  ],
  worst: [
    {
      picture: 'pictures/crowded <street>.jpg',
      value: 0.5,
    },
    {
      picture: 'pictures/night.jpg',
      value: null,
    },
  ],
  failures: [],
});
const metrics = (AP) => ({
  dataset: 'instances_val2017.json',
  pictures: 96,
  metrics: {
    AP,
    AP50: AP + 0.15,
  },
  intervals: { AP: [AP - 0.02, AP + 0.02] },
  comparison: [],
});
const report = {
  format: 1,
  foveate: '0.1.0',
  made: '2026-11-28T23:00:00.000Z',
  task: 'detect',
  precision: 'int8',
  model: {
    name: 'yolov8n.onnx',
    bytes: 12837e3,
    sha256: 'a1'.repeat(32),
  },
  machine: {
    cpu: 'AMD EPYC 9R14',
    cores: 2,
    platform: 'linux x64',
    node: 'v22.12.0',
    runtime: 'onnxruntime 1.30.0',
  },
  calibration: {
    pictures: 32,
    seconds: 4.21,
    seed: 0,
    heldBack: 96,
  },
  forms: [
    {
      form: 'float32',
      bytes: 12837e3,
      sizeRatio: 1,
      shipped: false,
      judged: '',
      latency: [latency('float32', 1, 44.5, 1), latency('float32', 2, 24.2, 1)],
      accuracy: metrics(0.372),
    },
    {
      form: 'onnxruntime',
      bytes: 352e4,
      sizeRatio: 0.274,
      shipped: true,
      judged: 'ONNX Runtime, as it is served',
      latency: [latency('onnxruntime', 1, 24.1, 0.541), latency('onnxruntime', 2, 15.1, 0.624)],
      agreement: agreement(0.944),
      accuracy: {
        ...metrics(0.365),
        comparison: [
          {
            name: 'AP',
            before: 0.372,
            after: 0.365,
            difference: -0.007,
            interval: [-0.011, -0.003],
            verdict: 'worse',
            words: 'AP: worse. 0.3720 became 0.3650.',
          },
          {
            name: 'AP50',
            before: 0.522,
            after: 0.515,
            difference: -0.007,
            interval: [-0.02, 0.01],
            verdict: 'no difference that shows',
            words: 'AP50: no difference that shows.',
          },
        ],
      },
    },
    {
      form: 'tensorrt',
      bytes: 361e4,
      sizeRatio: 0.281,
      shipped: true,
      judged: 'ONNX Runtime, graph optimisations off: float simulation of Q/DQ',
      latency: [],
      agreement: agreement(0.925),
      accuracy: metrics(0.366),
    },
  ],
  layers,
  decisions: ['6 of 60 layers stay FP32 in the form for ONNX Runtime (5: after the last layer with weights).'],
  notices: ['The form for TensorRT was judged on ONNX Runtime with graph optimisations off.'],
  seconds: {
    normalise: 0.4,
    calibrate: 4.21,
    quantise: 12.3,
    latency: 6.1,
    agreement: 9.4,
    accuracy: 22,
    write: 0.2,
  },
};
export { csvOfForms, csvOfLayers, htmlReport, markdownReport, report, tableReport };
