// Field configuration (units, thresholds, overrides) and transformations, by Grafana's own functions.

import {
  FieldConfigOptionsRegistry,
  applyFieldOverrides,
  getFieldDisplayName,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

const STANDARD = ['color', 'decimals', 'displayName', 'links', 'mappings', 'max', 'min', 'noValue', 'thresholds', 'unit'];

// some transformations are listed under an old and a new name
const TRANSFORMATIONS = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));

/** Grafana registers these at its start; once for a page. */
export function registerTransformers() {
  standardTransformersRegistry.setInit(() =>
    [...TRANSFORMATIONS.values()].map((transformation) => ({
      id: transformation.id,
      name: transformation.name,
      transformation: () => Promise.resolve(transformation),
    })),
  );
}

/** The frames after the panel's transformations. */
export async function transform(panel, frames) {
  const steps = panel.transformations ?? [];
  const unknown = steps.find((step) => !TRANSFORMATIONS.has(step.id));
  if (unknown) {
    throw new Error(`no transformation ${unknown.id}`);
  }
  return steps.length > 0 ? lastValueFrom(transformDataFrame(steps, frames)) : frames;
}

/** The frames with units, thresholds, mappings, colours and overrides applied. */
export function configure(panel, frames, theme) {
  const fieldConfig = withInfinity(panel.fieldConfig);
  const configured = applyFieldOverrides({
    data: frames,
    fieldConfig: { defaults: fieldConfig.defaults ?? {}, overrides: fieldConfig.overrides ?? [] },
    fieldConfigRegistry: registryFor(fieldConfig),
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
  for (const frame of configured) {
    for (const field of frame.fields) {
      field.state.displayName = getFieldDisplayName(field, frame, configured); // tables read it from there
    }
  }
  return configured;
}

/** Every property that this panel sets, standard or custom, taken as it is. */
function registryFor(fieldConfig) {
  const overridden = (fieldConfig.overrides ?? []).flatMap((rule) => rule.properties.map((property) => property.id));
  const ids = new Set([...STANDARD, ...overridden, ...Object.keys(fieldConfig.defaults?.custom ?? {}).map((key) => `custom.${key}`)]);
  return new FieldConfigOptionsRegistry(() =>
    [...ids].map((id) => ({
      id,
      path: id.replace(/^custom\./, ''),
      isCustom: id.startsWith('custom.'),
      name: id,
      editor: () => null,
      override: () => null,
      process: (value) => value,
      shouldApply: () => true,
      settings: {},
    })),
  );
}

/** JSON has no minus infinity: the first threshold is null there. */
function withInfinity(value) {
  if (Array.isArray(value)) {
    return value.map(withInfinity);
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  const copy = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withInfinity(item)]));
  if ('color' in copy && 'value' in copy && copy.value === null) {
    copy.value = -Infinity;
  }
  return copy;
}
