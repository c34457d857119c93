/** The record's words: the same as in `dockmagic/record/words.py`, with the numbers that the metadata adds. Pure. */
import { counted, decimalSize, grouped } from '../text/amounts';
import type { Change, Changes, Line, RunRecord, Totals } from './model';

export const CHANGED = [
  ['A', 'added'],
  ['C', 'changed'],
  ['D', 'deleted']
] as const;
export const NO_SLAB = {
  from: 'base below',
  setting: 'setting, no layer',
  unchanged: 'no change, no layer',
  failed: 'failed',
  'not run': 'not run',
  layer: ''
} as const;
export const UNNAMED = '(no instruction is known)';
const SIGNS = { good: '✓ ', bad: '✕ ', open: '● ', '': '' } as const;
const SUBJECTS = new Set(['image', 'diff', 'layer']);
const DRAWN_PATHS = 8;
const DRAWN_PATHS_ALONE = 40;

export function verdict(record: RunRecord): string {
  return record.verdict ? SIGNS[record.mark] + record.verdict : SUBJECTS.has(record.kind) ? record.kind : '';
}

/** `ran 1.8 s`; how many steps of a build came from the cache. */
export function spent(record: RunRecord): string {
  const parts: string[] = [];
  if (record.ms !== null) {
    parts.push(`${record.kind !== 'build' ? 'ran' : record.mark === 'bad' ? 'took' : 'built in'} ${duration(record.ms)}`);
  }
  if (record.cached > 0) {
    parts.push(`${grouped(record.cached)} of ${counted(record.steps, 'step')} from the cache`);
  }
  return parts.join(', ');
}

export function duration(ms: number): string {
  if (ms < 1000) {
    return `${Math.round(ms)} ms`;
  }
  const seconds = ms / 1000;
  if (seconds < 100) {
    return `${seconds.toFixed(1)} s`;
  }
  return `${grouped(Math.floor(seconds / 60))} min ${Math.floor(seconds % 60)} s`;
}

/** Files and size of a layer; where nothing tells them, words in their place. */
export function numbers(line: Line): readonly [string, string] {
  if (line.size !== null) {
    return [line.files === null ? '' : counted(line.files, 'file'), decimalSize(line.size)];
  }
  return ['', line.origin === 'host' ? 'made from this machine' : 'size varies'];
}

function amount(totals: Totals, files: boolean): string {
  const parts = [decimalSize(totals.size)];
  if (totals.run > 0) {
    parts.push(totals.run === 1 ? 'RUN layer' : 'RUN layers');
  }
  if (totals.host > 0) {
    parts.push('base');
  }
  const told = parts.join(' + ');
  return files ? `${counted(totals.files, 'file')}, ${told}` : told;
}

export function imageLine(record: RunRecord, totals: Totals): string {
  const size = record.imageSize === null ? amount(totals, false) : decimalSize(record.imageSize);
  return `${counted(totals.layers, 'read-only layer')}, ${size}`;
}

export function foldLine(totals: Totals): string {
  return `${grouped(totals.layers)} more read-only layer${totals.layers === 1 ? '' : 's'}, ${amount(totals, true)}`;
}

export function nothing(record: RunRecord): string {
  switch (record.kind) {
    case 'diff':
      return 'No file differs.';
    case 'layer':
      return 'It changes no files.';
    case 'exec':
    case 'container':
      return `This ${record.kind} changed no files.`;
    default:
      return 'This run changed no files.';
  }
}

export function noLayers(record: RunRecord): string {
  const words = 'Image with 0 layers (FROM scratch)';
  return record.changes ? `${words}: nothing below the container layer` : words;
}

/** The paths that are drawn, and how many more there are. */
export function shown(changes: Changes): readonly [readonly Change[], number] {
  const room = changes.writable ? DRAWN_PATHS : DRAWN_PATHS_ALONE;
  const total = changes.counts.A + changes.counts.C + changes.counts.D;
  const paths = total <= room + 1 ? changes.paths : changes.paths.slice(0, room);
  return [paths, total - paths.length];
}

/** What stands behind a path: its size, or what else changed; `−84 B` of one that is gone. */
export function pathNote(change: Change): string {
  if (change.note) {
    return change.note;
  }
  if (change.size === null) {
    return '';
  }
  return `${change.kind === 'D' ? '−' : ''}${decimalSize(change.size)}`;
}

/** A path's end: the last names tell most, so the cut falls at a `/` if one is near. */
export function keepTail(text: string, columns: number): string {
  const characters = Array.from(text);
  if (characters.length <= columns) {
    return text;
  }
  const tail = characters.slice(1 - columns).join('');
  const slash = tail.indexOf('/');
  return `…${slash >= 0 && slash < tail.length / 2 ? tail.slice(slash) : tail}`;
}

/** Fine print below the stack. */
export function finePrint(record: RunRecord): string {
  const parts: string[] = [];
  if (record.tier) {
    parts.push(`isolation: ${record.tier}`);
  }
  if (record.lines.length > 0 && record.totals && record.totals.layers > 0) {
    const varies = record.lines.some(line => line.kind === 'layer' && line.size === null);
    parts.push(`edge height: cube root of size${varies ? ', dotted where it varies' : ''}`);
  }
  return parts.join(' · ');
}
