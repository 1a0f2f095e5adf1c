// Grafana's dashboard variables, as far as these boards use them: chosen by the address, else the default.

const BUILT_IN_INTERVAL_MS = 15_000;

/** Values of every variable of a board: {name: {text, value}}. `chosen` is a URLSearchParams. */
export function resolveVariables(board, chosen) {
  const found = {};
  for (const variable of board.templating.list) {
    const picked = chosen.getAll(`var-${variable.name}`);
    if (picked.length > 0) {
      found[variable.name] = { label: variable.label, text: picked.join(' + '), value: picked.map(escapeRegex).join('|') };
    } else if (variable.current?.value === '$__all') {
      found[variable.name] = { label: variable.label, text: 'All', value: variable.allValue };
    } else if (variable.current) {
      found[variable.name] = { label: variable.label, text: variable.current.text, value: variable.current.value };
    }
  }
  return found;
}

/** The step of a range query and $__rate_interval for it, as Grafana's Prometheus source computes them. */
export function intervals(range, width, scrapeMs) {
  const wanted = (range.to.valueOf() - range.from.valueOf()) / Math.max(width, 1);
  const stepMs = Math.max(scrapeMs, Math.ceil(wanted / BUILT_IN_INTERVAL_MS) * BUILT_IN_INTERVAL_MS);
  return { stepMs, rateMs: Math.max(stepMs + scrapeMs, 4 * scrapeMs) };
}

/** The text with $name, ${name} and ${name:format} filled in. */
export function interpolate(text, variables, range, interval) {
  const own = {
    __interval: `${interval.stepMs / 1000}s`,
    __rate_interval: `${interval.rateMs / 1000}s`,
    __range: `${Math.round((range.to.valueOf() - range.from.valueOf()) / 1000)}s`,
  };
  return text.replace(/\$(?:\{(\w+)(?::\w+)?\}|(\w+))/g, (whole, braced, plain) => {
    const name = braced ?? plain;
    return own[name] ?? variables[name]?.value ?? whole;
  });
}

function escapeRegex(value) {
  return value.replace(/[.*+?^${}()|[\]\\]/g, '\\\\$&');
}
