/** A record as JSON read into values that can be drawn. Nothing is believed: a notebook of a stranger may hold anything. */
import { visible } from '../text/visible';

export const RECORD_MIME = 'application/vnd.dockmagic.run+json';

export type ChangeKind = 'A' | 'C' | 'D';
export type LineKind = 'layer' | 'from' | 'setting' | 'unchanged' | 'failed' | 'not run';
export type Origin = 'counted' | 'host' | 'run';

export interface Line {
  readonly kind: LineKind;
  readonly instruction: string;
  /** In the Dockerfile, 0 where it does not matter. */
  readonly number: number;
  readonly origin: Origin;
  /** Entries and bytes; null where nothing tells them. */
  readonly files: number | null;
  readonly size: number | null;
}

export interface Change {
  readonly kind: ChangeKind;
  readonly path: string;
  readonly size: number | null;
  readonly note: string;
}

export interface Totals {
  readonly layers: number;
  readonly files: number;
  readonly size: number;
  readonly host: number;
  readonly run: number;
}

export interface Changes {
  readonly paths: readonly Change[];
  readonly counts: Readonly<Record<ChangeKind, number>>;
  readonly writable: boolean;
  /** Bytes of the writable layer; null where nothing tells them. */
  readonly size: number | null;
}

export interface RunRecord {
  readonly kind: string;
  readonly verdict: string;
  readonly mark: 'good' | 'bad' | 'open' | '';
  readonly names: readonly string[];
  readonly container: string;
  readonly changes: Changes | null;
  /** Newest first, the base last. */
  readonly lines: readonly Line[];
  readonly totals: Totals | null;
  /** Bytes of all layers of the image; null where nothing tells them. */
  readonly imageSize: number | null;
  readonly warnings: readonly string[];
  readonly notes: readonly string[];
  readonly log: readonly string[];
  readonly ms: number | null;
  readonly tier: string;
  /** Steps of a build, and how many came from the cache. */
  readonly steps: number;
  readonly cached: number;
}

/** How a record is asked for at the kernel. */
export interface RecordKey {
  readonly key: string;
  readonly container: string;
  readonly image: string;
}

type Json = Record<string, unknown>;
const LONGEST = 300;
const MOST_LINES = 5000;

const object = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value.slice(0, MOST_LINES) : []);
const count = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null);
const raw = (value: unknown): string => (typeof value === 'string' ? value : '');

function text(value: unknown, longest = LONGEST): string {
  const shown = visible(raw(value).slice(0, 4 * longest));
  return shown.length > longest ? `${shown.slice(0, longest)}…` : shown;
}

/** The record in `data`, with what `metadata` adds to it. */
export function readRecord(data: unknown, metadata: unknown): RunRecord {
  const told = object(data);
  const more = object(metadata);
  const build = 'build' in more ? object(more['build']) : more;
  const image = object(told['image']);
  const moreImage = object(more['image']);
  const steps = list(build['steps']).map(object);
  return {
    kind: text(told['kind']),
    verdict: text(told['verdict']),
    mark: mark(told),
    names: list(image['tags']).map(tag => text(tag)),
    container: text(object(told['container'])['name']),
    changes: changes(told, more),
    lines: lines(told, image, moreImage, more),
    totals: 'totals' in image ? totals(object(image['totals'])) : null,
    imageSize: count(moreImage['size']),
    warnings: list(told['warnings']).map(warning => text(warning)),
    notes: [...list(object(more['isolation'])['notes']), ...list(build['notes'])].map(note => text(note)),
    log: list(build['log_tail']).map(line => text(line, 500)),
    ms: count(more['ms']),
    tier: text(object(more['isolation'])['tier']),
    steps: steps.length,
    cached: steps.filter(step => step['cached'] === true).length
  };
}

/** The key of a record's metadata; null when it has none. */
export function readKey(metadata: unknown): RecordKey | null {
  const more = object(metadata);
  const key = raw(more['key']);
  return key ? { key, container: raw(object(more['container'])['id']), image: raw(object(more['image'])['id']) } : null;
}

function mark(told: Json): RunRecord['mark'] {
  if (told['background'] === true) {
    return 'open';
  }
  if (told['stopped'] !== undefined || Array.isArray(told['rows'])) {
    return 'bad';
  }
  if (typeof told['exit_code'] === 'number') {
    return told['exit_code'] === 0 ? 'good' : 'bad';
  }
  if (told['kind'] === 'build') {
    return 'good';
  }
  return told['kind'] === 'container' && told['verdict'] !== 'exited' ? 'open' : '';
}

function changes(told: Json, more: Json): Changes | null {
  if (!Array.isArray(told['changes'])) {
    return null;
  }
  const known = list(more['paths']);
  const paths = list(told['changes']).flatMap((pair, index): Change[] => {
    const [kind, path] = list(pair);
    const [size, note] = list(known[index]);
    return kind === 'A' || kind === 'C' || kind === 'D' ? [{ kind, path: text(path), size: count(size), note: text(note) }] : [];
  });
  const counts = object(told['changed']);
  const number = (kind: ChangeKind): number => count(counts[kind]) ?? paths.filter(change => change.kind === kind).length;
  return {
    paths,
    counts: { A: number('A'), C: number('C'), D: number('D') },
    writable: told['kind'] === 'run' || told['kind'] === 'exec' || told['kind'] === 'container',
    size: told['kind'] === 'exec' ? null : count(object(more['container'])['size_rw'])
  };
}

function totals(told: Json): Totals {
  const number = (name: string): number => count(told[name]) ?? 0;
  return {
    layers: number('layers'),
    files: number('files'),
    size: number('size'),
    host: number('made_by_host'),
    run: number('made_by_run')
  };
}

function lines(told: Json, image: Json, moreImage: Json, more: Json): Line[] {
  if (told['layer'] !== undefined) {
    return [layer(object(told['layer']), object(more['layer']))];
  }
  if (Array.isArray(told['rows'])) {
    return list(told['rows']).map(row => rowLine(object(row))).reverse();
  }
  const layers = list(image['layers']).map(object);
  const known = list(moreImage['layers']).map(object);
  const settings = list(image['settings']).map(object);
  const same = known.length === layers.length;
  const at = (above: number): Line[] => settings.filter(each => each['above'] === above).map(each => plain(each));
  const upwards = layers.flatMap((each, index) => [...at(index), layer(each, same ? (known[index] ?? {}) : {})]);
  return [...upwards, ...at(layers.length)].reverse();
}

function rowLine(row: Json): Line {
  return row['kind'] === 'layer' ? layer({ instruction: row['instruction'], ...object(row['layer']) }, {}) : plain(row);
}

function plain(told: Json): Line {
  const kind = raw(told['kind']);
  const known: LineKind = kind === 'from' || kind === 'unchanged' || kind === 'failed' || kind === 'not run' ? kind : 'setting';
  return { kind: known, instruction: text(told['instruction']), number: count(told['line']) ?? 0, origin: 'counted', files: null, size: null };
}

function layer(told: Json, more: Json): Line {
  const by = told['made_by'];
  const origin: Origin = by === 'host' || by === 'run' ? by : 'counted';
  const source = origin === 'counted' ? told : more;
  return {
    kind: 'layer',
    instruction: text(told['instruction']),
    number: 0,
    origin,
    files: count(source['files']),
    size: count(source['size'])
  };
}
