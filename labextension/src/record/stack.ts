/** Which of many lines are drawn: the same choice as in `dockmagic/record/stack.py`. Pure. */
import type { Line, Totals } from './model';

export interface Fold {
  readonly kind: 'fold';
  readonly totals: Totals;
}

export interface Group {
  readonly kind: 'group';
  readonly count: number;
}

export type Drawn = Line | Fold | Group;

/** More layers than that are folded: the newest two, the base and the largest of the rest stay. */
const MOST_LAYERS = 8;
const NEWEST = 2;
const MOST_SETTINGS = 6;

export function drawn(lines: readonly Line[]): Drawn[] {
  return groupSettings(foldLayers(lines));
}

export function sum(lines: readonly Line[]): Totals {
  const layers = lines.filter(line => line.kind === 'layer');
  const add = (value: (line: Line) => number | null): number => layers.reduce((total, line) => total + (value(line) ?? 0), 0);
  const missing = (line: Line): boolean => line.size === null;
  return {
    layers: layers.length,
    files: add(line => line.files),
    size: add(line => line.size),
    host: layers.filter(line => line.origin === 'host' && missing(line)).length,
    run: layers.filter(line => line.origin === 'run' && missing(line)).length
  };
}

function foldLayers(lines: readonly Line[]): Drawn[] {
  const layers = lines.flatMap((line, index) => (line.kind === 'layer' ? [index] : []));
  const second = layers[NEWEST - 1];
  const base = layers[layers.length - 1];
  if (layers.length <= MOST_LAYERS || second === undefined || base === undefined) {
    return [...lines];
  }
  const size = (index: number): number => (lines[index]?.origin === 'counted' ? (lines[index].size ?? 0) : 0);
  const largest = layers.slice(NEWEST, -1).reduce((best, index) => (size(index) > size(best) ? index : best));
  const kept = new Set([...layers.slice(0, NEWEST), base, ...(size(largest) > 0 ? [largest] : [])]);
  const found: Drawn[] = [];
  let hidden: Line[] = [];
  const flush = (): void => {
    found.push(...(hidden.some(line => line.kind === 'layer') ? [{ kind: 'fold' as const, totals: sum(hidden) }] : hidden));
    hidden = [];
  };
  lines.forEach((line, index) => {
    if (kept.has(index) || line.kind === 'failed' || line.kind === 'not run' || index <= second || index >= base) {
      flush();
      found.push(line);
    } else {
      hidden.push(line);
    }
  });
  flush();
  return found;
}

function groupSettings(lines: readonly Drawn[]): Drawn[] {
  if (lines.filter(line => line.kind === 'setting').length <= MOST_SETTINGS) {
    return [...lines];
  }
  const found: Drawn[] = [];
  let group: Drawn[] = [];
  const flush = (): void => {
    found.push(...(group.length > 1 ? [{ kind: 'group' as const, count: group.length }] : group));
    group = [];
  };
  for (const line of lines) {
    if (line.kind === 'setting') {
      group.push(line);
    } else {
      flush();
      found.push(line);
    }
  }
  flush();
  return found;
}
