/** Here-documents of a Dockerfile's line, as `dockmagic/dockerfile/lexer/heredoc.py` reads them. */

export interface Heredoc {
  /** The delimiter without quotes. */
  readonly name: string;
  /** The delimiter is not quoted: variables in the body are replaced. */
  readonly expand: boolean;
  /** Written `<<-`: tabs before the body's lines and the delimiter are dropped. */
  readonly chomp: boolean;
}

const PIECE = /(\s+)|(<<-?\s*)|(\\(?:.|$))|('[^']*')|("(?:[^"\\]|\\.)*")|(['"])|((?:(?![\\'"<])\S)+|<)/gsu;
const WORD = /^(\d*)<<(-?)\s*([^<]+)$/u;

/** The here-documents that the words of a line start, in order; none where a quote does not close. */
export function heredocsOf(line: string): Heredoc[] {
  if (!line.includes('<<')) {
    return [];
  }
  return words(line).flatMap(word => heredocOf(word) ?? []);
}

/** `line` is the delimiter that ends this here-document. */
export function ends(heredoc: Heredoc, line: string): boolean {
  const bare = line.endsWith('\r') ? line.slice(0, -1) : line;
  return (heredoc.chomp ? bare.replace(/^\t+/, '') : bare) === heredoc.name;
}

function words(line: string): string[] {
  const found: string[] = [];
  let word = '';
  for (const piece of line.matchAll(PIECE)) {
    if (piece[6] !== undefined) {
      return [];
    }
    if (piece[1] !== undefined) {
      found.push(word);
      word = '';
    } else {
      word += piece[0];
    }
  }
  return [...found, word].filter(Boolean);
}

function heredocOf(word: string): Heredoc | null {
  const match = WORD.exec(word);
  const delimiter = match?.[3];
  if (!match || !delimiter) {
    return null;
  }
  const name = delimiter.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g, (_, single?: string, double?: string, one?: string) =>
    single ?? double?.replace(/\\(["\\$])/g, '$1') ?? one ?? ''
  );
  return { name, expand: name === delimiter, chomp: match[2] === '-' };
}
