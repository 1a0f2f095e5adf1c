// The page: one committed dashboard, drawn with Grafana's UI packages from a Prometheus behind this server.

import { EventBusSrv, ThemeContext, createTheme, dateTime, dateTimeFormat } from '@grafana/data';
import { GlobalStyles, PanelChrome, PanelContextProvider } from '@grafana/ui';
import React, { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

import { configure, registerTransformers, transform } from './fields.js';
import { Drawing } from './panels.jsx';
import { runTargets } from './prometheus.js';
import { resolveVariables } from './variables.js';

const COLUMNS = 24;
const CELL_PX = 30;
const GAP_PX = 8;
const SCRAPE_MS = 30_000;
const theme = createTheme({ colors: { mode: 'dark' } });
const bus = new EventBusSrv();
const pending = new Set();

function place(grid, width) {
  const column = (width + GAP_PX) / COLUMNS;
  return {
    left: grid.x * column,
    top: grid.y * (CELL_PX + GAP_PX),
    width: grid.w * column - GAP_PX,
    height: grid.h * (CELL_PX + GAP_PX) - GAP_PX,
  };
}

function Panel({ panel, box, context }) {
  const [frames, setFrames] = useState(null);
  useEffect(() => {
    runTargets(panel, { ...context, width: box.width })
      .then((raw) => transform(panel, raw))
      .then((shaped) => setFrames(configure(panel, shaped, theme)))
      .catch((error) => window.failures.push(`panel ${panel.id} (${panel.title}): ${error.message}`))
      .finally(() => pending.delete(panel.id));
  }, []);
  return (
    <div style={{ position: 'absolute', ...box }}>
      <PanelChrome title={panel.title} width={box.width} height={box.height} padding={panel.type === 'table' ? 'none' : 'md'}>
        {(width, height) => frames && <Drawing panel={panel} frames={frames} width={width} height={height} range={context.range} />}
      </PanelChrome>
    </div>
  );
}

function Header({ board, variables, range }) {
  const time = (moment) => dateTimeFormat(moment, { format: 'YYYY-MM-DD HH:mm', timeZone: 'utc' });
  return (
    <header>
      <h1>{board.title}</h1>
      <div className="bar">
        {Object.entries(variables).map(([name, variable]) => (
          <span key={name} className="variable"><label>{variable.label}</label><b>{variable.text}</b></span>
        ))}
        <span className="variable time"><b>{time(range.from)} to {time(range.to)} UTC</b></span>
      </div>
    </header>
  );
}

function Board({ board, context, width, note }) {
  const rows = board.panels.filter((panel) => panel.type === 'row');
  const drawn = board.panels.filter((panel) => panel.type !== 'row');
  const bottom = Math.max(...board.panels.map((panel) => panel.gridPos.y + panel.gridPos.h));
  return (
    <main style={{ width }}>
      <Header board={board} variables={context.variables} range={context.range} />
      <div style={{ position: 'relative', height: bottom * (CELL_PX + GAP_PX), width }}>
        {rows.map((row) => (
          <div key={row.id} className="board-row" style={{ position: 'absolute', ...place(row.gridPos, width) }}>
            {row.collapsed ? '▸' : '▾'} {row.title} {row.collapsed && <small>({row.panels.length} panels)</small>}
          </div>
        ))}
        {drawn.map((panel) => <Panel key={panel.id} panel={panel} box={place(panel.gridPos, width)} context={context} />)}
      </div>
      <footer>{note}</footer>
    </main>
  );
}

async function start() {
  window.failures = [];
  registerTransformers();
  const chosen = new URLSearchParams(window.location.search);
  const board = await (await fetch(`dashboards/${chosen.get('board')}.json`)).json();
  const opened = new Set(chosen.getAll('open').map(Number));
  const shown = opened.size > 0 ? { ...board, panels: withOpened(board.panels, opened) } : board;
  const range = { from: dateTime(Number(chosen.get('from'))), to: dateTime(Number(chosen.get('to'))), raw: { from: 'now-6h', to: 'now' } };
  const context = { range, scrapeMs: SCRAPE_MS, variables: resolveVariables(board, chosen) };
  shown.panels.filter((panel) => panel.type !== 'row').forEach((panel) => pending.add(panel.id));
  document.body.style.background = theme.colors.background.canvas;
  createRoot(document.getElementById('root')).render(
    <ThemeContext.Provider value={theme}>
      <PanelContextProvider value={{ eventsScope: 'preview', eventBus: bus }}>
        <GlobalStyles isExtensionSidebarOpen={false} />
        <Board board={shown} context={context} width={window.innerWidth - 32} note={chosen.get('note')} />
      </PanelContextProvider>
    </ThemeContext.Provider>,
  );
  window.settled = () => pending.size === 0;
}

/** The panels of these rows laid out as if somebody had opened them, everything below moved down. */
function withOpened(panels, opened) {
  let shift = 0;
  return panels.flatMap((panel) => {
    const moved = { ...panel, gridPos: { ...panel.gridPos, y: panel.gridPos.y + shift } };
    if (!opened.has(panel.id)) {
      return [moved];
    }
    const inner = panel.panels.map((one) => ({ ...one, gridPos: { ...one.gridPos, y: one.gridPos.y + shift } }));
    shift += Math.max(...inner.map((one) => one.gridPos.y + one.gridPos.h)) - moved.gridPos.y - 1;
    return [{ ...moved, collapsed: false, panels: [] }, ...inner];
  });
}

start().catch((error) => {
  window.failures.push(error.message);
  window.settled = () => true;
});
