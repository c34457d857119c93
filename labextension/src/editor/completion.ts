/** What can stand at the cursor of a `%%container` cell. Pure; the notebook's completer shows it. */
import { CELL_VERBS, isMagic } from '../text/magic';
import { advance } from '../text/scanner';
import { BASES, Entry, FLAGS, INSTRUCTIONS, MOUNT_TYPES, VERBS } from './knowledge';
import { declared, stateBefore } from './stages';

export interface Item {
  readonly label: string;
  readonly kind: 'keyword' | 'property' | 'module' | 'value' | 'variable';
  readonly documentation: string;
}

export interface Completion {
  /** Offsets of what an item replaces. */
  readonly start: number;
  readonly end: number;
  readonly items: readonly Item[];
}

const NOTHING: readonly Item[] = [];

/**
 * Completions at an offset.
 *
 * @param text the whole cell
 * @param offset of the cursor
 * @param images names of images that are known
 */
export function complete(text: string, offset: number, images: readonly string[] = []): Completion {
  const lines = text.split('\n');
  const above = text.slice(0, offset).split('\n');
  const number = above.length - 1;
  const before = above[number] ?? '';
  const answer = (word: string, items: readonly Item[]): Completion => ({
    start: offset - word.length,
    end: offset,
    items: items.filter(item => item.label.startsWith(word) && item.label !== word)
  });
  if (!isMagic(lines[0] ?? '')) {
    return answer('', NOTHING);
  }
  if (number === 0) {
    const verb = /^%%container\s+([a-z]*)$/.exec(before);
    return answer(verb?.[1] ?? '', verb ? CELL_VERBS.map(name => item(name, 'keyword', VERBS.get(name))) : NOTHING);
  }
  const state = stateBefore(lines, number);
  const { kind } = advance(state, before);
  if (kind === 'blank' || ((kind === 'instruction' || kind === 'separator') && /^\s*\S*$/.test(before))) {
    const word = /\S*$/.exec(before)?.[0] ?? '';
    return state.part === 'dockerfile' && !state.instruction ? answer(word, instructions(word)) : answer('', NOTHING);
  }
  if (kind !== 'instruction' && kind !== 'continuation') {
    return answer('', NOTHING);
  }
  const names = declared(lines.slice(0, number));
  const statement = (state.logical + before).trimStart();
  return inInstruction(statement, answer, { ...names, images });
}

interface Known {
  readonly stages: readonly string[];
  readonly variables: readonly string[];
  readonly images: readonly string[];
}

function inInstruction(statement: string, answer: (word: string, items: readonly Item[]) => Completion, known: Known): Completion {
  const words = statement.split(/\s+/);
  if (words[0]?.toUpperCase() === 'ONBUILD') {
    words.shift();
    const [only = '', ...others] = words;
    if (others.length === 0) {
      return answer(only, instructions(only));
    }
  }
  const instruction = (words.shift() ?? '').toUpperCase();
  const word = words.pop() ?? '';
  const variable = /\$\{?(\w*)$/.exec(word);
  if (variable) {
    return answer(variable[1] ?? '', known.variables.map(name => item(name, 'variable', undefined)));
  }
  const onlyFlags = words.every(each => each.startsWith('--'));
  const mount = /^--mount=(?:.*,)?type=([a-z]*)$/.exec(word);
  if (instruction === 'RUN' && mount) {
    return answer(mount[1] ?? '', [...MOUNT_TYPES].map(([name, told]) => item(name, 'value', told)));
  }
  const from = /^--from=(.*)$/.exec(word);
  if (instruction === 'COPY' && from) {
    return answer(from[1] ?? '', sources(known, false));
  }
  if (onlyFlags && word.startsWith('-')) {
    return answer(word, [...(FLAGS.get(instruction) ?? [])].map(([name, told]) => item(name, 'property', told)));
  }
  if (instruction === 'FROM' && onlyFlags) {
    return answer(word, sources(known, true));
  }
  return answer('', NOTHING);
}

function sources(known: Known, bases: boolean): Item[] {
  const built = bases ? [...BASES].map(([name, told]) => item(name, 'module', told)) : [];
  const stages = known.stages.map(name => item(name, 'module', { form: name, text: 'A stage of this Dockerfile.' }));
  const images = known.images.map(name => item(name, 'module', { form: name, text: 'An image in the store.' }));
  const seen = new Set<string>();
  return [...stages, ...built, ...images].filter(({ label }) => !seen.has(label) && seen.add(label));
}

/** Instructions in the case that the writer uses. */
function instructions(word: string): Item[] {
  const lower = word !== '' && word === word.toLowerCase();
  return [...INSTRUCTIONS].map(([name, told]) => item(lower ? name.toLowerCase() : name, 'keyword', told));
}

function item(label: string, kind: Item['kind'], told: Entry | undefined): Item {
  return { label, kind, documentation: told ? `${told.form}\n\n${told.text}` : '' };
}
