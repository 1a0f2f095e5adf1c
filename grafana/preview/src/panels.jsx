// One drawing for each panel type that the boards use.

import { FieldType, ReducerID, VizOrientation, getDisplayValueAlignmentFactors, getFieldDisplayName, reduceField } from '@grafana/data';
import { BarGauge, BigValue, BigValueColorMode, BigValueGraphMode, BigValueTextMode, TimeSeries, useTheme2 } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import React from 'react';

import { StateTimeline } from './timeline.jsx';

const DRAWINGS = { stat: Stat, timeseries: Graph, table: Grid, 'state-timeline': Timeline, bargauge: Bars };

export function Drawing({ panel, frames, width, height, range }) {
  const Chosen = DRAWINGS[panel.type];
  if (!Chosen) {
    throw new Error(`no drawing for the panel type ${panel.type}`);
  }
  const count = frames.reduce((sum, frame) => sum + frame.length, 0);
  if (count === 0) {
    return <div className="empty" style={{ width, height }}>{panel.fieldConfig.defaults.noValue}</div>;
  }
  return <Chosen panel={panel} frames={frames} width={width} height={height} range={range} />;
}

function reduced(frame, frames) {
  const field = frame.fields.find((candidate) => candidate.type === FieldType.number);
  const value = field.display(reduceField({ field, reducers: [ReducerID.lastNotNull] })[ReducerID.lastNotNull]);
  return { field, value: { ...value, title: getFieldDisplayName(field, frame, frames) } };
}

function Stat({ frames, width, height }) {
  const theme = useTheme2();
  const { value } = reduced(frames[0], frames);
  return (
    <BigValue
      theme={theme}
      width={width}
      height={height}
      value={{ ...value, title: undefined }}
      colorMode={BigValueColorMode.BackgroundSolid}
      graphMode={BigValueGraphMode.None}
      textMode={BigValueTextMode.Value}
    />
  );
}

function Graph({ panel, frames, width, height, range }) {
  return <TimeSeries frames={frames} width={width} height={height} timeRange={range} timeZone="utc" legend={{ ...panel.options.legend, calcs: [] }} />;
}

function Grid({ panel, frames, width, height }) {
  return <TableNG data={frames[0]} width={width} height={height} sortBy={panel.options.sortBy} enableVirtualization={false} />;
}

function Timeline({ panel, frames, width, height, range }) {
  const words = Object.values(panel.fieldConfig.defaults.mappings[0].options);
  const seen = new Set(frames.flatMap((frame) => frame.fields[1].values.filter((value) => value !== null).map((value) => frame.fields[1].display(value).text)));
  const items = words.filter((word) => seen.has(word.text));
  return <StateTimeline frames={frames} width={width} height={height} range={range} legendItems={items} />;
}

function Bars({ frames, width, height }) {
  const theme = useTheme2();
  const rows = frames.map((frame) => reduced(frame, frames));
  const factors = getDisplayValueAlignmentFactors(rows.map((row) => ({ display: row.value })));
  const line = Math.min(40, height / rows.length - 6);
  return (
    <div style={{ display: 'flex', flexDirection: 'column', gap: 6 }}>
      {rows.map((row, place) => (
        <BarGauge
          key={place}
          theme={theme}
          width={width}
          height={line}
          value={row.value}
          field={row.field.config}
          display={row.field.display}
          orientation={VizOrientation.Horizontal}
          displayMode="basic"
          valueDisplayMode="color"
          namePlacement="left"
          showUnfilled
          itemSpacing={6}
          alignmentFactors={factors}
        />
      ))}
    </div>
  );
}
