/** Rules of the report of an optimisation, besides those of all reports. */
export const ownStyle = `
header .cards{margin-top:22px}
.forms td.number,.forms thead th{min-width:11rem}
.forms .attribute{font-weight:650;padding-top:16px;padding-bottom:2px;border-bottom-color:transparent}
.main{font-weight:550}
.beside{color:var(--muted);font-size:12.5px}
.beside.good{color:var(--accent);font-weight:600}
.beside.bad{color:var(--warn);font-weight:600}
.tag.int8,.tag.int4,.tag.float8,.tag.float16,.tag.bfloat16{color:var(--accent);border-color:var(--accent)}
.tag.float32{color:var(--warn);border-color:var(--warn)}
.reason{min-width:14rem;color:var(--muted);overflow-wrap:anywhere}
.layers th[scope=row]{max-width:22rem;overflow-wrap:anywhere}
.said{padding-left:1.2em;max-width:80ch}
.said li+li{margin-top:6px}
.plot-frame{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:14px 16px;margin-bottom:12px;overflow:auto}
.plot-frame>svg{min-width:760px;width:100%}
.plot-frame .wide{width:auto;max-width:none}
.plot-title{fill:var(--ink);font-size:12.5px;font-weight:600}
.cell-int4{fill:var(--s2)}
.cell-int8,.cell-float8,.cell-float16,.cell-bfloat16{fill:var(--accent)}
.cell-float32{fill:var(--warn)}
.stem-int4{stroke:var(--s2);stroke-opacity:.45}
.stem-int8,.stem-float8,.stem-float16,.stem-bfloat16{stroke:var(--accent);stroke-opacity:.45}
.stem-float32{stroke:var(--warn);stroke-opacity:.6}
.span{stroke:var(--s2);stroke-linecap:round}
.macs{fill:var(--muted);fill-opacity:.55}
.quartiles{stroke:var(--ink);stroke-width:2}
.tail{stroke:var(--muted);stroke-width:1.25}
.plot-frame .pareto{min-width:0}
.front{fill:none;stroke:var(--muted);stroke-width:1.25}
.limit{stroke:var(--warn);stroke-width:1.25;stroke-dasharray:5 4}
.taken{fill:none;stroke:var(--ink);stroke-width:1.75}
.bar-float32,.bar-pruned{fill:var(--muted);fill-opacity:.55}
.bar-onnxruntime,.bar-tensorrt{fill:var(--accent)}
`;
