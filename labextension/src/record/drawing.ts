/** The record as elements. Every text goes in as text. */
import { element, hidden } from '../text/elements';
import { GIBIBYTE, edgeHeight, grouped } from '../text/amounts';
import type { Change, Changes, Line, RunRecord } from './model';
import { Drawn, drawn } from './stack';
import { CHANGED, NO_SLAB, UNNAMED, finePrint, foldLine, imageLine, keepTail, noLayers, nothing, numbers, pathNote, shown, spent, verdict } from './words';

const K = 1.7;
const PATH_COLUMNS = 28;
const VARIES = '4px dotted';

/** Replaces the content of `host` by the drawing. */
export function draw(host: HTMLElement, record: RunRecord): void {
  const parts = [header(record)];
  if (record.changes) {
    parts.push(tray(record, record.changes));
  }
  parts.push(...stack(record), ...foot(record));
  host.replaceChildren(...parts);
}

function header(record: RunRecord): HTMLElement {
  const parts: (HTMLElement | string)[] = [element('strong', 'dml-verdict', verdict(record))];
  parts.push(...record.names.map(name => element('strong', '', element('bdi', '', name))));
  if (record.container) {
    const label = record.kind === 'exec' ? 'exec in' : 'container';
    parts.push(element('span', 'dml-quiet', label), element('strong', '', element('bdi', '', record.container)));
  }
  const time = spent(record);
  if (time) {
    parts.push(element('span', 'dml-quiet', time));
  }
  return element('div', 'dml-header', ...parts.flatMap(part => [part, ' ']));
}

function tray(record: RunRecord, changes: Changes): HTMLElement {
  const [paths, more] = shown(changes);
  const title = element('div', 'dml-tray-title', element('strong', '', changes.writable ? 'Container layer' : 'Changes'));
  if (changes.writable) {
    title.append(' – writable');
  }
  for (const [kind, word] of changes.paths.length > 0 ? CHANGED : []) {
    title.append(' ', chip(kind), ` ${grouped(changes.counts[kind])} ${word}`);
  }
  if (changes.size !== null) {
    title.append(element('span', 'dml-tray-size', numbers({ ...EMPTY, size: changes.size })[1]));
  }
  const box = element('div', changes.writable ? 'dml-tray' : 'dml-changes', title);
  if (changes.paths.length === 0) {
    box.append(element('div', 'dml-quiet', nothing(record)));
    return box;
  }
  const rows = paths.map(pathRow);
  if (more > 0) {
    rows.push(element('li', '', `+ ${grouped(more)} more`));
  }
  box.append(element('ul', 'dml-paths', ...rows));
  return box;
}

const EMPTY: Line = { kind: 'layer', instruction: '', number: 0, origin: 'counted', files: null, size: null };

function chip(kind: Change['kind']): HTMLElement {
  return element('b', `dml-chip dml-${kind}`, kind);
}

function pathRow(change: Change): HTMLElement {
  const name = element(change.kind === 'D' ? 's' : 'span', 'dml-mono', element('bdi', '', keepTail(change.path, PATH_COLUMNS)));
  name.title = change.path;
  const row = element('li', '', chip(change.kind), ' ', name);
  const note = pathNote(change);
  if (note) {
    row.append(' ', element('span', 'dml-quiet dml-fine', note));
  }
  return row;
}

function stack(record: RunRecord): HTMLElement[] {
  const empty = record.totals?.layers === 0;
  const lines = empty ? record.lines.filter(line => line.kind !== 'from') : record.lines;
  const rows = drawn(lines).map(row);
  if (empty && record.kind !== 'exec') {
    rows.push(element('li', 'dml-outlined', noLayers(record)));
  }
  return rows.length > 0 ? [element('ul', 'dml-slabs', ...rows)] : [];
}

function row(line: Drawn): HTMLElement {
  switch (line.kind) {
    case 'fold':
      return element('li', 'dml-fold', foldLine(line.totals));
    case 'group':
      return hairline(`${grouped(line.count)} settings`, 'no layer');
    case 'layer':
      return slab(line);
    case 'failed':
      return outlined('dml-outlined dml-failed', line, line.number ? `✕ failed, line ${line.number}` : '✕ failed');
    case 'not run':
      return outlined('dml-outlined dml-notrun', line, 'not run');
    default:
      return hairline(instruction(line.instruction), NO_SLAB[line.kind]);
  }
}

function slab(line: Line): HTMLElement {
  const [files, size] = numbers(line);
  const lock = element('span', 'dml-lock', element('i', ''), element('i', ''));
  lock.setAttribute('aria-hidden', 'true');
  const name = element('span', 'dml-name', instruction(line.instruction));
  if (line.origin === 'host' && line.size !== null) {
    name.append(' ', element('span', 'dml-quiet dml-fine', 'made from this machine'));
  }
  const found = element('li', 'dml-slab', lock, hidden('read-only, '), name, ' ');
  if (files) {
    found.append(element('span', 'dml-files', files), ' ');
  }
  found.append(element('span', files ? 'dml-size' : 'dml-size dml-wide', size));
  found.style.borderBottom = edge(line);
  return found;
}

/** The front edge: as high as the layer is large; dotted where nothing tells how large. */
function edge(line: Line): string {
  if (line.size === null) {
    return VARIES;
  }
  if (line.size > GIBIBYTE) {
    return '17px double';
  }
  return `${edgeHeight(line.size, K)}px solid`;
}

function instruction(text: string): HTMLElement {
  if (!text) {
    return element('span', 'dml-mono', UNNAMED);
  }
  const [, keyword = '', rest = ''] = /^([A-Z]*)(.*)$/s.exec(text) ?? [];
  const found = element('span', 'dml-mono', element('bdi', '', element('strong', '', keyword), rest));
  found.title = text;
  return found;
}

function hairline(left: HTMLElement | string, words: string): HTMLElement {
  return element('li', 'dml-line dml-quiet', element('span', 'dml-name', left), ' ', element('span', 'dml-fine', words));
}

function outlined(style: string, line: Line, words: string): HTMLElement {
  return element('li', style, element('span', 'dml-name', instruction(line.instruction)), ' ', element('strong', 'dml-fine', words));
}

function foot(record: RunRecord): HTMLElement[] {
  const found: HTMLElement[] = [];
  const fine = finePrint(record);
  if (record.totals) {
    const line = element('div', 'dml-foot', element('strong', '', 'Image'), ` – ${imageLine(record, record.totals)} `);
    found.push(line);
    if (fine) {
      line.append(element('span', 'dml-quiet dml-fine', fine));
    }
  } else if (fine) {
    found.push(element('div', 'dml-quiet dml-fine', fine));
  }
  found.push(...record.warnings.map(text => element('div', 'dml-note', element('strong', '', 'warning'), ` ${text}`)));
  found.push(...record.notes.map(text => element('div', 'dml-note', element('strong', '', 'note'), ` ${text}`)));
  if (record.log.length > 0) {
    const lines = element('pre', 'dml-log', record.log.join('\n'));
    lines.tabIndex = 0;
    lines.setAttribute('role', 'region');
    lines.setAttribute('aria-label', 'end of the log');
    found.push(element('details', '', element('summary', '', 'End of the log'), lines));
  }
  return found;
}
