/** Highlighting of a whole `%%container` cell: magic line, option lines, Dockerfile, script. */
import type { StreamParser, StringStream } from '@codemirror/language';
import { javascript, json } from '@codemirror/legacy-modes/mode/javascript';
import { lua } from '@codemirror/legacy-modes/mode/lua';
import { perl } from '@codemirror/legacy-modes/mode/perl';
import { python } from '@codemirror/legacy-modes/mode/python';
import { r } from '@codemirror/legacy-modes/mode/r';
import { ruby } from '@codemirror/legacy-modes/mode/ruby';
import { shell } from '@codemirror/legacy-modes/mode/shell';
import type { Script } from '../text/interpreters';
import { START, State as Scan, Step, advance } from '../text/scanner';
import { awk } from './awk';
import { Place, startPlace, token as dockerfileToken } from './dockerfile';

const MODES: Record<Script, StreamParser<unknown> | null> = {
  sh: shell,
  python,
  javascript,
  json,
  awk: awk,
  perl,
  ruby,
  lua,
  r,
  plain: null
};
const HEREDOC = /^\d*<<-?\s*(?:'[^']*'|"[^"]*"|[^\s<;|&]+)/;
const OPTION_PREFIX = /^[ \t]*#[ \t]*dockmagic:/;

interface Inner {
  readonly mode: StreamParser<unknown>;
  state: unknown;
}

export interface CellState {
  scan: Scan;
  step: Step;
  place: Place;
  inner: Inner | null;
  indentUnit: number;
}

export const cellParser: StreamParser<CellState> = {
  name: 'dockmagic-cell',
  startState: indentUnit => ({
    scan: START,
    step: { kind: 'other', instruction: '', language: null, next: START },
    place: startPlace(),
    inner: null,
    indentUnit
  }),
  copyState: state => ({
    ...state,
    place: { ...state.place },
    inner: state.inner && { mode: state.inner.mode, state: copied(state.inner) }
  }),
  token(stream, state) {
    if (stream.sol()) {
      startLine(state, stream.string);
    }
    return lineToken(stream, state);
  },
  blankLine(state, indentUnit) {
    startLine(state, '');
    if (state.inner && (state.step.kind === 'script' || state.step.kind === 'heredoc')) {
      state.inner.mode.blankLine?.(state.inner.state, indentUnit);
    }
  },
  languageData: { commentTokens: { line: '#' } }
};

function copied({ mode, state }: Inner): unknown {
  if (mode.copyState) {
    return mode.copyState(state);
  }
  if (typeof state !== 'object' || state === null) {
    return state;
  }
  const entries = Object.entries(state).map(([key, value]) => [key, Array.isArray(value) ? [...(value as unknown[])] : (value as unknown)]);
  return Object.fromEntries(entries);
}

function startLine(state: CellState, line: string): void {
  const before = state.step;
  state.step = advance(state.scan, line);
  state.scan = state.step.next;
  const { kind, language } = state.step;
  if (kind === 'instruction') {
    state.place = startPlace();
    state.inner = null;
  } else if (kind === 'script' || kind === 'heredoc') {
    if (before.kind !== kind || before.language !== language) {
      state.inner = started(language ?? 'plain', state.indentUnit);
    }
  } else if (kind !== 'continuation' && kind !== 'comment') {
    state.inner = null;
  }
}

function started(language: Script, indentUnit: number): Inner | null {
  const mode = MODES[language];
  return mode && { mode, state: mode.startState?.(indentUnit) ?? {} };
}

function lineToken(stream: StringStream, state: CellState): string | null {
  switch (state.step.kind) {
    case 'magic':
    case 'options':
      return optionToken(stream);
    case 'directive':
      return all(stream, 'meta');
    case 'comment':
      return all(stream, 'comment');
    case 'instruction':
    case 'continuation':
      return instructionToken(stream, state);
    case 'heredoc':
      return state.inner ? innerToken(stream, state.inner) : heredocToken(stream, state);
    case 'delimiter':
      return all(stream, 'labelName');
    case 'separator':
      return all(stream, 'meta');
    case 'script':
      return state.inner ? innerToken(stream, state.inner) : all(stream, null);
    default:
      return all(stream, null);
  }
}

function optionToken(stream: StringStream): string | null {
  if (stream.sol() && (stream.match(/^%%\w+/) || stream.match(OPTION_PREFIX))) {
    return 'meta';
  }
  if (stream.eatSpace()) {
    return null;
  }
  const starts = /\s/.test(stream.string[stream.pos - 1] ?? ' ');
  if (starts && stream.match(/^--?[\w-]*/)) {
    return 'attributeName';
  }
  if (stream.match(/^\{[^{}]*\}/)) {
    return 'variableName.special';
  }
  if (stream.eat('=')) {
    return 'operator';
  }
  const verb = /^%%container\s+$/.test(stream.string.slice(0, stream.pos));
  if (verb && stream.match(/^[a-z][a-z-]*(?=\s|$)/)) {
    return 'keyword';
  }
  if (!stream.match(/^(?:'[^']*'?|"(?:[^"\\]|\\.)*"?|[^\s{}='"]+)/)) {
    stream.next();
  }
  return 'string';
}

function instructionToken(stream: StringStream, state: CellState): string | null {
  // The shell's mode would look for the body itself.
  if (state.scan.heredocs.length > 0 && state.place.at === 'shell' && stream.match(HEREDOC)) {
    return 'labelName';
  }
  if (state.inner) {
    return innerToken(stream, state.inner);
  }
  const style = dockerfileToken(stream, state.place, state.scan.escape);
  if (style !== undefined) {
    return style;
  }
  state.inner = started('sh', state.indentUnit);
  return instructionToken(stream, state);
}

/** A body that is no program: text, with its variables where they are replaced. */
function heredocToken(stream: StringStream, state: CellState): string | null {
  if (state.scan.heredocs[0]?.expand && stream.match(/^\$(?:\{[^}]*\}?|\w+)/)) {
    return 'variableName.special';
  }
  if (!stream.match(/^[^$]+/)) {
    stream.next();
  }
  return 'string';
}

/** Some modes change their state first and take a character only when they are asked again. */
function innerToken(stream: StringStream, inner: Inner): string | null {
  const from = stream.pos;
  for (let tries = 0; tries < 10; tries++) {
    const style = inner.mode.token(stream, inner.state);
    if (stream.pos > from) {
      return style;
    }
  }
  stream.next();
  return null;
}

function all<T>(stream: StringStream, style: T): T {
  stream.skipToEnd();
  return style;
}
