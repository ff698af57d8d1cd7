"""How the page looks, in light and dark."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #62676f; --paper: #fcfcfb; --card: #ffffff; --rule: #e1e3e6;
  --s0: #2a6fdb; --s1: #d9660d; --s2: #2f9e63; --s3: #a044b8; --s4: #c23b4b; --heat: 42, 111, 219; --bad: #c23b4b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e9eb; --soft: #9aa0a8; --paper: #15171a; --card: #1d2024;
  --rule: #33383e; --s0: #6ea4f7; --s1: #f2994a; --s2: #58c48d; --s3: #c98add; --s4: #ef7a86; --heat: 110, 164, 247;
  --bad: #ef7a86; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .7rem; }
h3 { font-size: .95rem; margin: 1.4rem 0 .4rem; } p { margin: .4rem 0; }
.soft, figcaption, th, .legend { color: var(--soft); } .path { font: .85rem ui-monospace, Menlo, Consolas, monospace; }
nav { margin-top: .8rem; font-size: .9rem; } nav a { margin-right: 1rem; color: var(--s0); text-decoration: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .8rem; margin: 1.4rem 0; }
.tile { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .7rem .9rem; }
.tile b { display: block; font-size: 1.45rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .82rem; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .7rem .8rem; }
figcaption { font-size: .85rem; margin-bottom: .3rem; } figure svg { width: 100%; height: auto; display: block; }
.legend { font-size: .8rem; display: flex; flex-wrap: wrap; gap: .2rem 1rem; }
.key { display: inline-block; width: .8rem; height: .2rem; margin-right: .4rem; vertical-align: middle;
  background: currentColor; }
.key.bar, .key.point { height: .7rem; width: .7rem; border-radius: 2px; } .key.same { background: var(--soft); }
.s0 { color: var(--s0); } .s1 { color: var(--s1); } .s2 { color: var(--s2); } .s3 { color: var(--s3); }
.s4, .s5 { color: var(--s4); } .bar, .point { color: var(--s0); fill: var(--s0); }
.line { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; } .dot { fill: currentColor; }
.band { fill: var(--s1); color: var(--s1); stroke: none; } .b0 { fill-opacity: .14; } .b1 { fill-opacity: .28; }
.key.band { height: .7rem; opacity: .35; } .key.b0 { opacity: .18; } .wide { grid-template-columns: minmax(0, 46rem); }
.point { fill-opacity: .45; } .bar { fill-opacity: .8; }
.grid { stroke: var(--rule); stroke-width: 1; } .same { stroke: var(--soft); stroke-dasharray: 4 4; }
.tick { fill: var(--soft); font-size: 10.5px; text-anchor: middle; } .up { text-anchor: end; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; white-space: nowrap; }
td, th { padding: .28rem .8rem .28rem 0; vertical-align: top; }
tbody tr { border-top: 1px solid var(--rule); } .n { text-align: right; } td.none { color: var(--soft); }
.sum tbody tr:last-child { font-weight: 600; } .heat td, .heat th { text-align: right; padding: .3rem .55rem; }
.heat tbody td:first-child { color: var(--soft); } .wrong { color: var(--bad); }
.picture { width: 56px; image-rendering: pixelated; border-radius: 3px; vertical-align: middle; }
pre { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .8rem 1rem; overflow-x: auto;
  font: .82rem/1.5 ui-monospace, Menlo, Consolas, monospace; }
.box { fill: var(--card); stroke: var(--s0); } .box.in { stroke: var(--soft); stroke-dasharray: 3 3; }
.edge { fill: none; stroke: var(--soft); } .name { fill: var(--ink); font-size: 12px; text-anchor: middle; }
.graph svg { max-width: 100%; height: auto; } .note { border-left: 3px solid var(--s1); padding-left: .8rem; }
@media print { body { max-width: none; } figure, .tile { break-inside: avoid; } nav { display: none; } }
"""
