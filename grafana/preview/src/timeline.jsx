// A plain state timeline: Grafana's own is not among its published packages.

import { dateTimeFormat, getFieldDisplayName } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import React from 'react';

const AXIS_PX = 22;
const TICKS_MS = [30, 60, 120, 240].map((minutes) => minutes * 60_000);
const TICK_PX = 60; // room for one time
const CHARACTER_PX = 6.6;

/** Stretches of equal value: [{from, to, value}] in milliseconds. */
export function stretches(times, values) {
  const found = [];
  times.forEach((moment, place) => {
    const end = times[place + 1] ?? moment;
    const last = found.at(-1);
    if (last && last.value === values[place]) {
      last.to = end;
    } else {
      found.push({ from: moment, to: end, value: values[place] });
    }
  });
  return found.filter((stretch) => stretch.value !== null && stretch.to > stretch.from);
}

export function StateTimeline({ frames, width, height, range, legendItems }) {
  const theme = useTheme2();
  const rows = frames.map((frame) => ({ time: frame.fields[0], value: frame.fields[1], frame }));
  const names = rows.map((row) => getFieldDisplayName(row.value, row.frame, frames));
  const left = Math.min(width / 3, Math.max(...names.map((name) => name.length)) * CHARACTER_PX + 14);
  const legendPx = 26;
  const line = Math.min(26, (height - AXIS_PX - legendPx) / Math.max(rows.length, 1));
  const start = range.from.valueOf();
  const x = (moment) => left + ((moment - start) / (range.to.valueOf() - start)) * (width - left - 8);
  const step = TICKS_MS.find((tick) => x(start + tick) - left >= TICK_PX) ?? TICKS_MS.at(-1);
  const first = Math.ceil(start / step) * step;
  const ticks = Array.from({ length: Math.floor((range.to.valueOf() - first) / step) + 1 }, (_, i) => first + i * step);
  const text = { fill: theme.colors.text.primary, fontSize: 12, fontFamily: theme.typography.fontFamily };
  return (
    <div>
      <svg width={width} height={height - legendPx}>
        {rows.map((row, place) => (
          <g key={place} transform={`translate(0 ${place * line})`}>
            <text x={left - 8} y={line / 2 + 4} textAnchor="end" {...text}>{names[place]}</text>
            {stretches(row.time.values, row.value.values).map((stretch) => (
              <rect
                key={stretch.from}
                x={x(stretch.from)}
                y={line * 0.12}
                width={Math.max(1, x(stretch.to) - x(stretch.from))}
                height={line * 0.76}
                fill={row.value.display(stretch.value).color}
                fillOpacity={0.8}
              />
            ))}
          </g>
        ))}
        {ticks.filter((moment) => x(moment) < width - 24).map((moment) => (
          <text key={moment} x={x(moment)} y={rows.length * line + 16} textAnchor="middle" {...text} fill={theme.colors.text.secondary}>
            {dateTimeFormat(moment, { format: 'HH:mm', timeZone: 'utc' })}
          </text>
        ))}
      </svg>
      <div style={{ display: 'flex', gap: 16, fontSize: 12, paddingLeft: 8 }}>
        {legendItems.map((item) => (
          <span key={item.text} style={{ display: 'flex', alignItems: 'center', gap: 6 }}>
            <span style={{ width: 14, height: 4, borderRadius: 2, background: theme.visualization.getColorByName(item.color) }} />
            {item.text}
          </span>
        ))}
      </div>
    </div>
  );
}
