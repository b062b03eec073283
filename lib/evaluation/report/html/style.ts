/** The style sheet of the report. No `style` attribute stands beside it: the page's own policy forbids them. */
import { dark, heatColor, heatSteps, light, marks, textColorOn, type Theme } from './palette.js';

const steps = Array.from({ length: heatSteps }, (_, i) => i + 1);

function variables(theme: Theme): string {
  const { series, right, wrong, ...plain } = theme;
  const heat = Object.entries({ right, wrong }).flatMap(([name, strongest]) =>
    steps.flatMap((step) => {
      const color = heatColor(theme, strongest, step);
      return [`--${name}${step}:${color}`, `--on-${name}${step}:${textColorOn(color)}`];
    }),
  );
  const all = [
    ...Object.entries(plain).map(([name, color]) => `--${name}:${color}`),
    ...series.map((color, i) => `--s${i}:${color}`),
    ...heat,
    `color-scheme:${theme === dark ? 'dark' : 'light'}`,
  ];
  return all.join(';');
}

const heatRules = ['right', 'wrong'].flatMap((name) =>
  steps.map((step) => `.${name}${step}{fill:var(--${name}${step})}.on-${name}${step}{fill:var(--on-${name}${step})}`),
);

/** Curves differ by their dashes as well. */
const dashes = ['none', '7 3', '2 3', '9 3 2 3', '4 2', '12 4', '1 4', '6 2 1 2 1 2'];
const seriesRules = light.series.map((_, i) => `.s${i}{stroke:var(--s${i});stroke-dasharray:${dashes[i]}}`);

export const style = `
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
