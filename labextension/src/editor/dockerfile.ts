/** Tokens of one line of an instruction. The shell forms go to the shell's own mode. */
import type { StringStream } from '@codemirror/language';

/** Where in an instruction the stream stands; kept from line to line while it is continued. */
export interface Place {
  at: 'keyword' | 'flags' | 'name' | 'arguments' | 'shell' | 'json';
  instruction: string;
}

const SHELL_FORM = new Set(['RUN', 'CMD', 'ENTRYPOINT', 'SHELL']);
const PAIRS = new Set(['ENV', 'ARG', 'LABEL']);
const VARIABLE = /^\$(?:\{[^}]*\}?|\w+)/;

/** Starts an instruction. */
export function startPlace(): Place {
  return { at: 'keyword', instruction: '' };
}

/**
 * The next token's name. Returns `undefined`, and takes nothing, where the rest is the shell's.
 *
 * @param escape the character that continues a line
 */
export function token(stream: StringStream, place: Place, escape: string): string | null | undefined {
  if (stream.eatSpace()) {
    return null;
  }
  if (stream.peek() === escape && /^.\s*$/.test(stream.string.slice(stream.pos))) {
    stream.skipToEnd();
    return 'punctuation';
  }
  switch (place.at) {
    case 'keyword':
      return keyword(stream, place);
    case 'flags':
      if (stream.match(/^--[a-z][a-z-]*/)) {
        return 'attributeName';
      }
      if (/\S/.test(stream.string[stream.pos - 1] ?? ' ')) {
        return value(stream); // the =value of a flag
      }
      place.at = operands(stream, place);
      return token(stream, place, escape);
    case 'name':
      return name(stream, place);
    case 'arguments':
      return argument(stream, place);
    case 'json':
      return json(stream);
    case 'shell':
      return undefined;
  }
}

function keyword(stream: StringStream, place: Place): string | null {
  const word = stream.match(/^\S+/);
  const found = (Array.isArray(word) ? word[0] : '').toUpperCase();
  place.instruction = found;
  if (found === 'ONBUILD') {
    place.at = 'keyword';
  } else {
    place.at = 'flags';
  }
  return /^[A-Z]+$/.test(found) ? 'keyword' : 'invalid';
}

function operands(stream: StringStream, place: Place): Place['at'] {
  if (stream.match(/^\[/, false)) {
    return 'json';
  }
  if (place.instruction === 'HEALTHCHECK') {
    return 'keyword';
  }
  if (SHELL_FORM.has(place.instruction)) {
    return 'shell';
  }
  return PAIRS.has(place.instruction) ? 'name' : 'arguments';
}

function value(stream: StringStream): string {
  if (stream.eat('=') || stream.eat(',')) {
    return 'operator';
  }
  if (stream.match(VARIABLE)) {
    return 'variableName.special';
  }
  return stream.match(/^[^\s=,$]+/) ? 'string' : next(stream, 'string');
}

function name(stream: StringStream, place: Place): string | null {
  if (stream.match(/^[\w.-]+(?==)/) || stream.match(/^[\w.-]+/)) {
    place.at = 'arguments';
    return 'propertyName';
  }
  place.at = 'arguments';
  return argument(stream, place);
}

function argument(stream: StringStream, place: Place): string | null {
  const starts = /\s/.test(stream.string[stream.pos - 1] ?? ' ');
  if (starts && PAIRS.has(place.instruction) && stream.match(/^[\w.-]+(?==)/)) {
    return 'propertyName';
  }
  if (starts && place.instruction === 'FROM' && stream.match(/^as(?=\s)/i)) {
    return 'keyword';
  }
  if (starts && stream.match(/^\d*<<-?\s*(?:'[^']*'|"[^"]*"|[^\s<])+/)) {
    return 'labelName';
  }
  if (stream.match(/^'[^']*'?/)) {
    return 'string';
  }
  if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) {
    return 'string';
  }
  if (stream.match(VARIABLE)) {
    return 'variableName.special';
  }
  if (stream.eat('=')) {
    return 'operator';
  }
  if (starts && stream.match(/^\d+(?=[\s/-]|$)/)) {
    return 'number';
  }
  return stream.match(/^[^\s$"'=]+/) ? null : next(stream, null);
}

function json(stream: StringStream): string | null {
  if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) {
    return 'string';
  }
  if (stream.match(/^[[\]]/)) {
    return 'bracket';
  }
  return stream.match(/^[^\s"[\]]+/) ? null : next(stream, null);
}

/** Takes one character, so that every call moves on. */
function next<T>(stream: StringStream, style: T): T {
  stream.next();
  return style;
}
