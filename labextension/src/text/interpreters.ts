/** Which language a script is in, by what runs it. */

export type Script = 'sh' | 'python' | 'javascript' | 'json' | 'awk' | 'perl' | 'ruby' | 'lua' | 'r' | 'plain';

const BY_COMMAND: readonly (readonly [RegExp, Script])[] = [
  [/^(?:ba|da|a|k|z)?sh$|^busybox$/, 'sh'],
  [/^(?:python|pypy)[\d.]*$/, 'python'],
  [/^(?:node|nodejs|deno|bun|qjs)$/, 'javascript'],
  [/^[gmn]?awk$/, 'awk'],
  [/^perl[\d.]*$/, 'perl'],
  [/^(?:j?ruby)[\d.]*$/, 'ruby'],
  [/^lua(?:jit)?[\d.-]*$/, 'lua'],
  [/^(?:Rscript|R)$/, 'r']
];
const BY_ENDING: ReadonlyMap<string, Script> = new Map([
  ['sh', 'sh'],
  ['bash', 'sh'],
  ['py', 'python'],
  ['js', 'javascript'],
  ['mjs', 'javascript'],
  ['ts', 'javascript'],
  ['json', 'json'],
  ['awk', 'awk'],
  ['pl', 'perl'],
  ['rb', 'ruby'],
  ['lua', 'lua'],
  ['r', 'r'],
  ['R', 'r']
]);

/** Language of what this command reads, e.g. `/usr/bin/env python3 -u`; plain for a command that is not known. */
export function languageOfCommand(words: readonly string[]): Script {
  const rest = [...words];
  let name = '';
  do {
    name = rest.shift() ?? '';
    name = name.slice(name.lastIndexOf('/') + 1);
  } while (rest.length > 0 && (name === 'env' || name === 'exec' || name.startsWith('-') || name.includes('=')));
  return BY_COMMAND.find(([pattern]) => pattern.test(name))?.[1] ?? 'plain';
}

/** Language that a `#!` line asks for; null when the line is none. */
export function languageOfShebang(line: string): Script | null {
  return line.startsWith('#!') ? languageOfCommand(line.slice(2).trim().split(/\s+/)) : null;
}

/** Language of a file by its name's ending. */
export function languageOfFile(path: string): Script {
  const dot = path.lastIndexOf('.');
  return (dot < 0 ? undefined : BY_ENDING.get(path.slice(dot + 1))) ?? 'plain';
}
