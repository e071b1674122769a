"""The one stylesheet of a report: light and dark by the reader's own setting, from a telephone to a wide screen."""

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --panel: #f6f7f9; --ink: #1b1f24; --soft: #59636e; --rule: #d8dee4;
  --c0: #0b62c4; --c1: #c2410c; --c2: #0f7a4d; --c3: #8b3fc4;
  --c4: #a1660a; --c5: #c2255c; --c6: #0c7c8c; --c7: #57606a;
  --good: #0f7a4d; --bad: #b3261e; --wash: #fff4dc; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --panel: #1c2127; --ink: #e6e9ed; --soft: #9aa5b1;
  --rule: #343c46; --c0: #6cb2ff; --c1: #ff9b6a; --c2: #5fd39a; --c3: #cf9bff; --c4: #e8b84d; --c5: #ff8fb3;
  --c6: #5fd0e0; --c7: #aab4bf; --good: #5fd39a; --bad: #ff8f87; --wash: #3a3018; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1360px; margin: 0 auto; padding: 28px 24px 64px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 6px; }
h2 { font-size: 19px; margin: 40px 0 10px; }
h3 { font-size: 15px; margin: 20px 0 6px; }
p { max-width: 78ch; margin: 6px 0; }
.soft, figcaption, small, dt { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 14px 0; }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
code { font: 13px ui-monospace, monospace; }
.wide { overflow-x: auto; width: fit-content; max-width: 100%; border: 1px solid var(--rule); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 8px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
tr:last-child td, tr:last-child th { border-bottom: 0; }
thead th { white-space: normal; vertical-align: bottom; color: var(--soft); font-weight: 600; font-size: 13px;
  background: var(--panel); }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--paper); }
thead th:first-child { background: var(--panel); }
tbody th { font-weight: 600; }
td small { display: block; font-size: 11px; }
.better { color: var(--good); } .worse { color: var(--bad); }
.published td, .published th { font-style: italic; color: var(--soft); }
.group th { background: var(--panel) !important; color: var(--soft); font-size: 12.5px; text-align: left; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; position: sticky; top: 0; z-index: 2; padding: 8px 0;
  background: var(--paper); }
.legend label { display: inline-flex; align-items: center; gap: 7px; cursor: pointer; min-height: 28px; }
.legend svg { width: 26px; height: 10px; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 14px; }
.runs { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 0 32px; }
figure { margin: 0; padding: 12px; background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; }
figure > b { display: block; margin-bottom: 4px; }
figcaption { font-size: 13px; margin-top: 2px; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); }
svg text.mark { fill: var(--ink); paint-order: stroke; stroke: var(--panel); stroke-width: 3px; }
svg line.mark { stroke: var(--ink); stroke-dasharray: 3 3; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
polyline { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }
polyline:hover { stroke-width: 4; }
.genuine { fill: currentColor; fill-opacity: .55; } .impostor { fill: none; stroke: var(--soft); stroke-width: 1.5; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
.c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); } .c7 { color: var(--c7); }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 290px), 1fr)); gap: 14px; }
.pairs figure { min-width: 0; overflow-wrap: anywhere; }
.pictures { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; gap: 6px; }
.pictures img { width: 100%; aspect-ratio: 1; height: auto; object-fit: cover; border-radius: 4px;
  background: var(--rule); }
.note { background: var(--wash); border-radius: 8px; padding: 8px 14px; max-width: none; }
details summary { cursor: pointer; padding: 4px 0; }
@media (max-width: 600px) { main { padding: 18px 14px 48px; } h1 { font-size: 22px; }
  dl { grid-template-columns: 1fr; gap: 0; } dt { margin-top: 8px; font-size: 13px; }
  th, td { padding: 6px 9px; } tbody th:first-child { white-space: normal; min-width: 136px; }
  figure { padding: 8px; } }
@media print { .legend { position: static; } figure, tr { break-inside: avoid; } }
"""
