/**
 * What each line of a `%%container` cell is: one pass from the top, a small state between two lines.
 *
 * Highlighting, folding, completion and hover all read cells through this; it follows `dockmagic/magics/cell.py`.
 */
import { Heredoc, ends, heredocsOf } from './heredocs';
import { Script, languageOfCommand, languageOfFile, languageOfShebang } from './interpreters';
import { BodyKind, interpOption, isMagic, optionsOf, readMagic, shellWords } from './magic';

export type LineKind =
  | 'magic'
  | 'options'
  | 'directive'
  | 'comment'
  | 'blank'
  | 'instruction'
  | 'continuation'
  | 'heredoc'
  | 'delimiter'
  | 'separator'
  | 'script'
  | 'other';

/** Everything that is known before a line; a frozen value. */
export interface State {
  readonly part: 'magic' | 'dockerfile' | 'script' | 'other';
  readonly kind: BodyKind;
  readonly interp: string;
  /** Only comments so far: option lines and a `#!` may stand here. */
  readonly top: boolean;
  /** Only directives so far. */
  readonly directives: boolean;
  readonly escape: string;
  /** The instruction whose logical line goes on, "" between instructions. */
  readonly instruction: string;
  /** Text of that logical line so far, comments and escapes taken out. */
  readonly logical: string;
  /** Bodies that are still to come, the one that is read first. */
  readonly heredocs: readonly Heredoc[];
  /** Language of the here-document or script that is read; null before its first line. */
  readonly language: Script | null;
}

export const START: State = {
  part: 'magic',
  kind: 'both',
  interp: '',
  top: true,
  directives: true,
  escape: '\\',
  instruction: '',
  logical: '',
  heredocs: [],
  language: null
};

export interface Step {
  readonly kind: LineKind;
  /** Of the line itself: the instruction that it belongs to, "" for none. */
  readonly instruction: string;
  readonly language: Script | null;
  readonly next: State;
}

const COMMENT = /^[ \t]*#/;
const DIRECTIVE = /^[ \t]*#[ \t]*([a-zA-Z][a-zA-Z0-9]*)[ \t]*=[ \t]*(.*?)[ \t\r]*$/;
const DIRECTIVES = new Set(['syntax', 'escape', 'check']);
const TAKES_HEREDOCS = /^(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\b/i;

/** Reads one line. */
export function advance(state: State, line: string): Step {
  switch (state.part) {
    case 'magic':
      return afterMagic(state, line);
    case 'dockerfile':
      return state.heredocs.length > 0 ? inHeredoc(state, line) : inDockerfile(state, line);
    case 'script':
      return inScript(state, line);
    case 'other':
      return step('other', state);
  }
}

/** Every line of a text, with the state before it. */
export function scan(lines: Iterable<string>): { readonly line: string; readonly before: State; readonly step: Step }[] {
  const found = [];
  let state = START;
  for (const line of lines) {
    const read = advance(state, line);
    found.push({ line, before: state, step: read });
    state = read.next;
  }
  return found;
}

function step(kind: LineKind, next: State, instruction = '', language: Script | null = null): Step {
  return { kind, next, instruction, language };
}

function afterMagic(state: State, line: string): Step {
  const magic = isMagic(line) ? readMagic(line) : null;
  if (!magic) {
    return step('other', { ...state, part: 'other', kind: 'other' });
  }
  const part = magic.kind === 'script' ? 'script' : magic.kind === 'other' ? 'other' : 'dockerfile';
  return step('magic', { ...state, part, kind: magic.kind, interp: magic.interp });
}

function inScript(state: State, line: string): Step {
  const options = state.top ? optionsOf(line) : null;
  if (options !== null) {
    return step('options', withOptions(state, options));
  }
  const top = state.top && COMMENT.test(line);
  const language = state.language ?? languageOfShebang(line) ?? scriptLanguage(state);
  return step('script', { ...state, top, language }, '', language);
}

/** Language of a script that has no `#!` of its own. */
function scriptLanguage(state: State): Script {
  return state.interp ? languageOfCommand(shellWords(state.interp)) : 'sh';
}

function withOptions(state: State, options: string): State {
  // What the magic line says goes before.
  return { ...state, interp: state.interp || interpOption(shellWords(options)) };
}

function inDockerfile(state: State, line: string): Step {
  if (state.kind === 'both' && !state.instruction && line.trimEnd() === '---') {
    return step('separator', { ...state, part: 'script', top: false, language: null });
  }
  if (COMMENT.test(line)) {
    return inComment(state, line);
  }
  if (!line.trim()) {
    return step('blank', { ...state, top: state.top && !!state.instruction, directives: false });
  }
  return inInstruction({ ...state, top: false, directives: false }, line);
}

function inComment(state: State, line: string): Step {
  const options = state.top ? optionsOf(line) : null;
  if (options !== null) {
    return step('options', withOptions(state, options));
  }
  const directive = state.directives ? DIRECTIVE.exec(line) : null;
  const name = directive?.[1]?.toLowerCase() ?? '';
  if (directive && DIRECTIVES.has(name)) {
    const escape = name === 'escape' && directive[2] === '`' ? '`' : state.escape;
    return step('directive', { ...state, escape });
  }
  return step('comment', { ...state, directives: false }, state.instruction);
}

function inInstruction(state: State, line: string): Step {
  const kind = state.instruction ? 'continuation' : 'instruction';
  const instruction = state.instruction || (/^\s*([A-Za-z]+)/.exec(line)?.[1] ?? '').toUpperCase();
  const bare = line.trimEnd();
  if (instruction && bare.endsWith(state.escape)) {
    return step(kind, { ...state, instruction, logical: state.logical + bare.slice(0, -1) }, instruction);
  }
  const logical = state.logical + bare;
  const heredocs = TAKES_HEREDOCS.test(logical.trimStart()) ? heredocsOf(logical) : [];
  const next: State = { ...state, instruction: heredocs.length ? instruction : '', logical: heredocs.length ? logical : '', heredocs };
  return step(kind, next, instruction);
}

function inHeredoc(state: State, line: string): Step {
  const heredoc = state.heredocs[0];
  if (heredoc && ends(heredoc, line)) {
    const heredocs = state.heredocs.slice(1);
    const over = heredocs.length === 0;
    const next: State = {
      ...state,
      heredocs,
      language: null,
      instruction: over ? '' : state.instruction,
      logical: over ? '' : state.logical
    };
    return step('delimiter', next, state.instruction);
  }
  const language = state.language ?? languageOfShebang(line) ?? heredocLanguage(state);
  return step('heredoc', { ...state, language }, state.instruction, language);
}

/** Language of a here-document that has no `#!` of its own. */
function heredocLanguage(state: State): Script {
  const words = shellWords(state.logical);
  const plain = words.filter(word => !word.includes('<<') && !word.startsWith('--'));
  const at = plain[0]?.toUpperCase() === 'ONBUILD' ? 1 : 0;
  if (plain[at]?.toUpperCase() !== 'RUN') {
    const target = plain[plain.length - 1] ?? '';
    return languageOfFile(target.endsWith('/') ? (state.heredocs[0]?.name ?? '') : target);
  }
  const command = plain.slice(at + 1);
  return command.length > 0 ? languageOfCommand(command) : 'sh';
}
