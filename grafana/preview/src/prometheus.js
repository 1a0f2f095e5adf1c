// Queries of a panel on the Prometheus HTTP API, answered as Grafana data frames.

import { FieldType, toDataFrame } from '@grafana/data';

import { interpolate, intervals } from './variables.js';

/** Run every target of a panel; a failed query throws with Prometheus's own text. */
export async function runTargets(panel, context) {
  const answers = await Promise.all(panel.targets.map((target) => runTarget(target, panel, context)));
  return answers.flat();
}

async function runTarget(target, panel, context) {
  const interval = intervals(context.range, context.width, context.scrapeMs);
  const query = interpolate(target.expr, context.variables, context.range, interval);
  const times = target.instant
    ? { time: context.range.to.valueOf() / 1000 }
    : { start: aligned(context.range.from, interval), end: aligned(context.range.to, interval), step: interval.stepMs / 1000 };
  const result = await ask(target.instant ? 'query' : 'query_range', { query, ...times });
  if (target.format === 'table') {
    return [tableFrame(result, target, panel.targets.length > 1)];
  }
  return result.map((series) => seriesFrame(series, target, times));
}

function aligned(moment, interval) {
  return (Math.floor(moment.valueOf() / interval.stepMs) * interval.stepMs) / 1000;
}

async function ask(path, parameters) {
  const response = await fetch(`api/v1/${path}`, { method: 'POST', body: new URLSearchParams(parameters) });
  const body = await response.json();
  if (body.status !== 'success') {
    throw new Error(`${body.error} in ${parameters.query}`);
  }
  return body.data.result;
}

function seriesFrame(series, target, times) {
  const points = series.values ?? [series.value];
  const moments = times.step ? gapless(points, times) : points;
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: moments.map(([moment]) => moment * 1000) },
      {
        name: 'Value',
        type: FieldType.number,
        labels: series.metric,
        config: { displayNameFromDS: legend(target.legendFormat, series.metric) },
        values: moments.map(([, value]) => (value === null ? null : Number(value))),
      },
    ],
  });
}

/** Every step of the range, null where there is no sample: a gap stays a gap in the picture. */
function gapless(points, { start, end, step }) {
  const known = new Map(points.map(([moment, value]) => [Math.round(moment), value]));
  const moments = [];
  for (let moment = start; moment <= end; moment += step) {
    moments.push([moment, known.get(Math.round(moment)) ?? null]);
  }
  return moments;
}

function legend(format, labels) {
  if (!format || format === '__auto') {
    return Object.keys(labels).length > 0 ? Object.values(labels).join(' ') : 'Value';
  }
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '').trim();
}

function tableFrame(result, target, several) {
  const names = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].sort();
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map((series) => series.value[0] * 1000) },
      ...names.map((name) => ({ name, type: FieldType.string, values: result.map((series) => series.metric[name] ?? '') })),
      { name: several ? `Value #${target.refId}` : 'Value', type: FieldType.number, values: result.map((series) => Number(series.value[1])) },
    ],
  });
}
