/** AWK, for which CodeMirror has no mode. */
import type { StreamParser } from '@codemirror/language';

const KEYWORDS = /^(?:BEGIN|END|BEGINFILE|ENDFILE|if|else|while|for|do|in|break|continue|next|nextfile|exit|return|function|func|delete|getline|print|printf|switch|case|default)\b/;
const BUILTINS = /^(?:length|substr|index|split|sub|gsub|gensub|match|sprintf|sin|cos|atan2|exp|log|sqrt|int|rand|srand|tolower|toupper|system|close|fflush)\b/;
const VARIABLES = /^(?:\$(?:\d+|\w+)?|(?:NR|NF|FNR|FS|OFS|RS|ORS|FILENAME|SUBSEP|RSTART|RLENGTH|ENVIRON|ARGC|ARGV|CONVFMT|OFMT)\b)/;

interface State {
  /** A `/` now starts a regular expression, not a division. */
  operand: boolean;
}

export const awk: StreamParser<State> = {
  name: 'awk',
  startState: () => ({ operand: true }),
  token(stream, state) {
    if (stream.eatSpace()) {
      return null;
    }
    const expects = state.operand;
    state.operand = false;
    if (stream.match(/^#.*/)) {
      return 'comment';
    }
    if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) {
      return 'string';
    }
    if (expects && stream.match(/^\/(?:[^/\\[]|\\.|\[(?:[^\]\\]|\\.)*\])+\//)) {
      return 'string.special';
    }
    if (stream.match(/^\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/)) {
      return 'number';
    }
    if (stream.match(VARIABLES)) {
      return 'variableName.special';
    }
    if (stream.match(KEYWORDS)) {
      state.operand = true;
      return 'keyword';
    }
    if (stream.match(BUILTINS)) {
      return 'builtin';
    }
    if (stream.match(/^\w+/)) {
      return 'variableName';
    }
    const character = stream.next() ?? '';
    state.operand = !')]'.includes(character);
    return '(){}[];,'.includes(character) ? null : 'operator';
  }
};
