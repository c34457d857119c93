/** Inclusive ranges of code points drawn as an escape: the same as in `dockmagic/record/escape.py`. */
const HIDDEN: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xd800, 0xdfff],
  [0xfdd0, 0xfdef],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0xfffe, 0xffff],
  [0xe0000, 0xe0fff]
];
const SHORT = new Map([
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x09, '\\t']
]);

const hex = (code: number): string => `\\u{${code.toString(16)}}`;
const HIDDEN_CLASS = new RegExp(`[${HIDDEN.map(([low, high]) => `${hex(low)}-${hex(high)}`).join('')}]`, 'gu');

/**
 * `text` with each hidden character spelled out: `\n`, `\x1b`, `\u202e`.
 *
 * The kernel has done so already; a notebook of a stranger may say anything.
 */
export function visible(text: string): string {
  return text.replace(HIDDEN_CLASS, character => {
    const code = character.codePointAt(0) ?? 0;
    const short = SHORT.get(code);
    if (short !== undefined) {
      return short;
    }
    const digits = code.toString(16);
    if (code <= 0xff) {
      return `\\x${digits.padStart(2, '0')}`;
    }
    return code <= 0xffff ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`;
  });
}
