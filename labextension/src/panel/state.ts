/** The panel's state as the kernel tells it (`docs/lab-protocol.md`), read defensively. Pure. */
import { visible } from '../text/visible';

export interface Action {
  readonly action: string;
  readonly label: string;
  readonly code: string;
  readonly enabled: boolean;
  readonly why: string;
  readonly confirm: string;
  /** `code` goes into a new cell; nothing is sent. */
  readonly inCell: boolean;
}

export interface Layer {
  readonly size: number;
  readonly origin: string;
}

export interface ImageRow {
  readonly ref: string;
  readonly name: string;
  readonly otherNames: readonly string[];
  readonly size: number | null;
  readonly shared: number;
  readonly layers: readonly Layer[];
  readonly containers: number;
  readonly actions: readonly Action[];
}

export interface ContainerRow {
  readonly ref: string;
  readonly name: string;
  readonly status: string;
  readonly exitCode: number | null;
  readonly image: string;
  readonly size: number | null;
  readonly changed: Readonly<Record<'A' | 'C' | 'D', number>> | null;
  readonly actions: readonly Action[];
}

export interface Part {
  readonly part: string;
  readonly label: string;
  readonly size: number;
}

export interface Tier {
  readonly tier: string;
  readonly label: string;
  readonly inForce: boolean;
}

export interface PanelState {
  readonly images: readonly ImageRow[];
  readonly containers: readonly ContainerRow[];
  readonly parts: readonly Part[];
  readonly total: number;
  readonly free: number | null;
  readonly tiers: readonly Tier[];
  readonly why: string;
  readonly notes: readonly string[];
}

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const raw = (value: unknown): string => (typeof value === 'string' ? value : '');
const text = (value: unknown): string => visible(raw(value));
const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);

export function readState(reply: unknown): PanelState {
  const told = object(reply);
  const disk = object(told['disk']);
  const isolation = object(told['isolation']);
  const parts = list(disk['parts']).map((part): Part => {
    const each = object(part);
    return { part: raw(each['part']), label: text(each['label']), size: number(each['size']) ?? 0 };
  });
  return {
    images: list(told['images']).map(each => image(object(each))),
    containers: list(told['containers']).map(each => container(object(each))),
    parts,
    total: number(disk['total']) ?? parts.reduce((sum, part) => sum + part.size, 0),
    free: number(disk['free']),
    tiers: list(isolation['tiers']).map((tier): Tier => {
      const each = object(tier);
      return { tier: text(each['tier']), label: text(each['label']), inForce: each['in_force'] === true };
    }),
    why: text(isolation['why']),
    notes: list(isolation['notes']).map(text)
  };
}

function image(told: Json): ImageRow {
  const [name, ...otherNames] = list(told['tags']).map(text);
  return {
    ref: raw(told['ref']),
    name: name ?? text(told['short_id']),
    otherNames,
    size: number(told['size']),
    shared: number(told['shared']) ?? 0,
    layers: list(told['layers']).map((layer): Layer => {
      const each = object(layer);
      return { size: number(each['size']) ?? 0, origin: raw(each['origin']) };
    }),
    containers: number(told['containers']) ?? 0,
    actions: actions(told)
  };
}

function container(told: Json): ContainerRow {
  const changed = told['changed'] === null ? null : object(told['changed']);
  return {
    ref: raw(told['ref']),
    name: text(told['name']) || text(told['short_id']),
    status: text(told['status']),
    exitCode: number(told['exit_code']),
    image: text(told['image']),
    size: number(told['size_rw']),
    changed: changed && { A: number(changed['A']) ?? 0, C: number(changed['C']) ?? 0, D: number(changed['D']) ?? 0 },
    actions: actions(told)
  };
}

function actions(told: Json): Action[] {
  return list(told['actions']).map(each => {
    const action = object(each);
    return {
      action: raw(action['action']),
      label: text(action['label']),
      code: raw(action['code']),
      enabled: action['enabled'] !== false,
      why: text(action['why']),
      confirm: text(action['confirm']),
      inCell: action['where'] === 'cell'
    };
  });
}

/** Every name of an image, for completion. */
export function names(state: PanelState): string[] {
  return state.images.flatMap(each => [each.name, ...each.otherNames]);
}
