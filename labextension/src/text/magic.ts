/** The magic line of a cell: `%%container [verb] [options] …`. */

/** What the body of a cell is. */
export type BodyKind = 'both' | 'dockerfile' | 'script' | 'other';

const MAGIC = /^%%container(?![^\s])/;
const BODIES: ReadonlyMap<string, BodyKind> = new Map([
  ['', 'both'],
  ['build', 'dockerfile'],
  ['check', 'dockerfile'],
  ['run', 'script'],
  ['exec', 'script']
]);
export const CELL_VERBS = ['build', 'run', 'exec', 'check'] as const;

export interface MagicLine {
  readonly verb: string;
  readonly kind: BodyKind;
  /** Value of `--interp`, "" when it is not given. */
  readonly interp: string;
}

export function isMagic(line: string): boolean {
  return MAGIC.test(line);
}

/** The words of a line by the shell's rules of quoting, as far as the quotes close. */
export function shellWords(line: string): string[] {
  const found: string[] = [];
  for (const match of line.matchAll(/(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+/gs)) {
    found.push(
      match[0].replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs, (_, single?: string, double?: string, one?: string) =>
        single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? one ?? ''
      )
    );
  }
  return found;
}

/** Value of `--interp` in a line of options, "" when it is not there. */
export function interpOption(words: readonly string[]): string {
  let found = '';
  for (const [index, word] of words.entries()) {
    if (word === '--') {
      break;
    }
    if (word === '--interp') {
      found = words[index + 1] ?? '';
    } else if (word.startsWith('--interp=')) {
      found = word.slice('--interp='.length);
    }
  }
  return found;
}

/** Reads the first line of a cell; null when it is no `%%container` line. */
export function readMagic(line: string): MagicLine | null {
  if (!isMagic(line)) {
    return null;
  }
  const words = shellWords(line).slice(1);
  const first = words[0] ?? '';
  const verb = first.startsWith('-') ? '' : first;
  return { verb, kind: BODIES.get(verb) ?? 'other', interp: interpOption(words) };
}

const OPTIONS = /^[ \t]*#[ \t]*dockmagic:[ \t]*(.*?)[ \t\r]*$/;

/** What stands behind `# dockmagic:` in an option line; null when it is none. */
export function optionsOf(line: string): string | null {
  return OPTIONS.exec(line)?.[1] ?? null;
}
