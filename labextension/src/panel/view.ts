/** The panel's elements. Every text goes in as text; what a click means is the caller's. */
import { counted, decimalSize, edgeHeight } from '../text/amounts';
import { element, hidden } from '../text/elements';
import type { Action, ContainerRow, ImageRow, PanelState } from './state';

export interface Handlers {
  /** Rows that show their actions, by `ref`. */
  readonly open: ReadonlySet<string>;
  toggle(ref: string): void;
  act(ref: string, action: Action): void;
}

const K = 1.1;
const MOST_EDGES = 12;

export function sections(state: PanelState, handlers: Handlers): HTMLElement[] {
  return [
    section('Images', String(state.images.length), images(state, handlers)),
    section('Containers', String(state.containers.length), containers(state, handlers)),
    section('Disk', usage(state), disk(state)),
    ...(state.tiers.length > 0 ? [section('Isolation in force', '', isolation(state))] : [])
  ];
}

/** A panel that has nothing to show, and why. */
export function message(...words: (Node | string)[]): HTMLElement {
  return element('p', 'dml-empty', ...words);
}

function section(title: string, right: string, content: HTMLElement[]): HTMLElement {
  const heading = element('h3', '', title, ' ', element('span', 'dml-quiet', right));
  const made = element('section', 'dml-section', heading, ...content);
  made.setAttribute('aria-label', title);
  return made;
}

function images(state: PanelState, handlers: Handlers): HTMLElement[] {
  if (state.images.length === 0) {
    const cell = element('code', '', '%%container');
    const from = element('code', '', 'FROM');
    return [message('None yet. Run a cell that starts with ', cell, ' and has a ', from, ' line.')];
  }
  return [element('ul', 'dml-rows', ...state.images.map(image => row(image, imageIcon(image), imageDetail(image), handlers)))];
}

function containers(state: PanelState, handlers: Handlers): HTMLElement[] {
  if (state.containers.length === 0) {
    return [message('None is kept. ', element('code', '', '--name'), ' keeps one.')];
  }
  const rows = state.containers.map(each => row(each, trayIcon(), containerDetail(each), handlers));
  return [element('ul', 'dml-rows', ...rows)];
}

interface Row {
  readonly ref: string;
  readonly name: string;
  readonly size: number | null;
  readonly actions: readonly Action[];
}

function row(told: Row, icon: HTMLElement, detail: string, handlers: Handlers): HTMLElement {
  const open = handlers.open.has(told.ref);
  const name = element('span', 'dml-row-name dml-mono', element('bdi', '', told.name));
  name.title = told.name;
  const button = element(
    'button',
    'dml-row',
    icon,
    name,
    ' ',
    element('span', 'dml-row-size', told.size === null ? '' : decimalSize(told.size)),
    hidden(', '),
    element('span', 'dml-row-detail', detail)
  );
  button.type = 'button';
  button.setAttribute('aria-expanded', String(open));
  button.dataset['focus'] = told.ref;
  button.addEventListener('click', () => {
    handlers.toggle(told.ref);
  });
  const made = element('li', '', button);
  if (open) {
    const list = element('ul', 'dml-actions', ...told.actions.map((action, index) => actionRow(told.ref, action, index, handlers)));
    list.setAttribute('aria-label', `actions of ${told.name}`);
    made.append(list);
  }
  return made;
}

/** A button, and the line of code that does the same. */
function actionRow(ref: string, action: Action, index: number, handlers: Handlers): HTMLElement {
  const button = element('button', 'dml-button', action.label);
  button.type = 'button';
  button.dataset['focus'] = `${ref} ${action.action} ${index}`;
  const code = element('code', '', element('bdi', '', action.code));
  const words = action.enabled ? (action.inCell ? [hidden(', in a new cell')] : []) : [element('span', 'dml-why', action.why)];
  if (action.enabled) {
    button.addEventListener('click', () => {
      handlers.act(ref, action);
    });
  } else {
    // It stays in the order of the keys, so that its reason is heard.
    button.setAttribute('aria-disabled', 'true');
  }
  return element('li', '', button, ' ', code, ' ', ...words);
}

function imageIcon(image: ImageRow): HTMLElement {
  const edges = image.layers.slice(-MOST_EDGES).reverse();
  return icon(...edges.map(layer => bar('dml-mini-slab', edgeHeight(layer.size, K))));
}

function trayIcon(): HTMLElement {
  return icon(element('u', ''), bar('dml-mini-slab', 1));
}

function icon(...parts: HTMLElement[]): HTMLElement {
  const made = element('span', 'dml-mini', ...parts);
  made.setAttribute('aria-hidden', 'true');
  return made;
}

function bar(name: string, height: number): HTMLElement {
  const made = element('i', name);
  made.style.height = `${height}px`;
  return made;
}

function imageDetail(image: ImageRow): string {
  const parts = [counted(image.layers.length, 'layer')];
  parts.push(image.containers > 0 ? counted(image.containers, 'container') : 'no container');
  if (image.shared > 0) {
    parts.push(`${decimalSize(image.shared)} shared`);
  }
  if (image.otherNames.length > 0) {
    parts.push(`also ${image.otherNames.join(', ')}`);
  }
  return parts.join(' · ');
}

function containerDetail(container: ContainerRow): string {
  const { exitCode, status } = container;
  const parts: string[] = [];
  if (status === 'exited') {
    parts.push(exitCode === null ? 'exited' : `${exitCode === 0 ? '✓' : '✕'} exit ${exitCode}`);
  } else {
    parts.push(`${status === 'running' ? '● ' : ''}${status}`);
  }
  if (container.image) {
    parts.push(`of ${container.image}`);
  }
  if (container.changed) {
    const { A, C, D } = container.changed;
    parts.push(`${A} added, ${C} changed, ${D} deleted`);
  }
  return parts.join(' · ');
}

function usage(state: PanelState): string {
  return state.free === null ? decimalSize(state.total) : `${decimalSize(state.total)}, ${decimalSize(state.free)} free`;
}

function disk(state: PanelState): HTMLElement[] {
  const bars = element('div', 'dml-disk');
  for (const part of state.parts) {
    const made = element('i', `dml-part-${part.part.replace(/[^a-z]/g, '')}`);
    made.style.flexGrow = String(part.size);
    if (part.size > 0) {
      bars.append(made);
    }
  }
  bars.setAttribute('role', 'img');
  bars.setAttribute('aria-label', state.parts.map(part => `${part.label} ${decimalSize(part.size)}`).join(', '));
  const legend = state.parts.map(part => {
    const sample = element('i', `dml-sample dml-part-${part.part.replace(/[^a-z]/g, '')}`);
    return element('li', '', sample, element('span', '', part.label), ' ', element('span', 'dml-number', decimalSize(part.size)));
  });
  return [bars, element('ul', 'dml-legend', ...legend)];
}

function isolation(state: PanelState): HTMLElement[] {
  const rows = state.tiers.map(tier => {
    const sign = element('span', 'dml-sign', tier.inForce ? '✓' : '');
    sign.setAttribute('aria-hidden', 'true');
    const made = element('li', tier.inForce ? 'dml-on' : '', sign, `${tier.tier} · ${tier.label}`);
    if (tier.inForce) {
      made.append(hidden(', in force'));
    }
    return made;
  });
  const notes = [state.why, ...state.notes].filter(Boolean);
  return [element('ul', 'dml-tiers', ...rows), ...notes.map(note => element('p', 'dml-note', note))];
}
