/** What stands under the pointer, explained. Pure. */
import { advance } from '../text/scanner';
import { BASES, DIRECTIVES, Entry, FLAGS, HEREDOC, INSTRUCTIONS, MOUNT_TYPES, OPTION_LINE, SEPARATOR, VERBS } from './knowledge';
import { stateBefore } from './stages';

export interface Hover extends Entry {
  /** Columns of the word in its line. */
  readonly from: number;
  readonly to: number;
}

/** The explanation of the word at a column of line `number` (from 0), or null. */
export function explain(lines: readonly string[], number: number, column: number): Hover | null {
  const line = lines[number] ?? '';
  const state = stateBefore(lines, number);
  const { kind, instruction } = advance(state, line);
  const at = (from: number, to: number, told: Entry | undefined): Hover | null =>
    told && column >= from && column <= to ? { from, to, ...told } : null;
  const word = wordAt(line, column);
  switch (kind) {
    case 'magic':
      return magic(line, at);
    case 'options':
      return at(0, line.indexOf(':') + 1, OPTION_LINE);
    case 'separator':
      return at(0, 3, SEPARATOR);
    case 'directive':
      return at(0, line.length, DIRECTIVES.get(/[a-z]+/i.exec(line)?.[0].toLowerCase() ?? ''));
    case 'instruction':
    case 'continuation':
      return word && statement(line, word, instruction, kind === 'instruction', at);
    default:
      return null;
  }
}

interface Word {
  readonly text: string;
  readonly from: number;
}
type At = (from: number, to: number, told: Entry | undefined) => Hover | null;

function magic(line: string, at: At): Hover | null {
  const verb = /^%%container(?:(\s+)([a-z-]+)(?=\s|$))?/.exec(line);
  const name = verb?.[2] ?? '';
  const told = VERBS.get(name);
  const end = '%%container'.length;
  return at(0, end, told ?? VERBS.get('')) ?? (name ? at(end + (verb?.[1]?.length ?? 0), verb?.[0].length ?? 0, told) : null);
}

function statement(line: string, word: Word, instruction: string, first: boolean, at: At): Hover | null {
  const to = word.from + word.text.length;
  const before = line.slice(0, word.from).trim();
  if (first && (before === '' || before.toUpperCase() === 'ONBUILD')) {
    return at(word.from, to, INSTRUCTIONS.get(word.text.toUpperCase()));
  }
  const actual = instruction === 'ONBUILD' ? (/^\s*\S+\s+(\S+)/.exec(line)?.[1] ?? '').toUpperCase() : instruction;
  if (word.text.startsWith('--')) {
    const name = /^--[a-z-]+/.exec(word.text)?.[0] ?? '';
    const type = /type=([a-z]+)/.exec(word.text);
    const start = word.from + (type?.index ?? 0);
    const mount = type && at(start, start + type[0].length, MOUNT_TYPES.get(type[1] ?? ''));
    return mount ?? at(word.from, word.from + name.length, FLAGS.get(actual)?.get(name));
  }
  if (/^\d*<<-?[^<]/.test(word.text) && ['RUN', 'COPY', 'ADD'].includes(actual)) {
    return at(word.from, to, HEREDOC);
  }
  return actual === 'FROM' ? at(word.from, to, BASES.get(word.text)) : null;
}

function wordAt(line: string, column: number): Word | null {
  for (const match of line.matchAll(/\S+/g)) {
    if (match.index <= column && column <= match.index + match[0].length) {
      return { text: match[0], from: match.index };
    }
  }
  return null;
}
