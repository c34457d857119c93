/** Numbers as printed and sizes as drawn: the same as in `dockmagic/record/scale.py`. */

export const GIBIBYTE = 2 ** 30;
const MEBIBYTE = 2 ** 20;
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** `2,310` */
export function grouped(number: number): string {
  return String(Math.trunc(number)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 file`, `2,310 files` */
export function counted(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`;
}

const rounded = (number: number, divisor: number): number => Math.floor((2 * number + divisor) / (2 * divisor));

/** `84 B`, `3.1 kB`, `155 MB`: decimal, one digit after the point below 100, halves round up. */
export function decimalSize(bytes: number): string {
  if (bytes < 1000) {
    return `${Math.trunc(bytes)} B`;
  }
  let unit = 0;
  let power = 1;
  while (unit + 1 < UNITS.length && rounded(bytes, power) >= 1000) {
    unit += 1;
    power *= 1000;
  }
  const tenths = rounded(bytes * 10, power);
  const number = tenths < 1000 ? `${Math.floor(tenths / 10)}.${tenths % 10}` : String(rounded(bytes, power));
  return `${number} ${UNITS[unit] ?? ''}`;
}

/**
 * Height of a slab's front edge in px: `k` times the cube root of the size in MiB, 0 for no bytes.
 *
 * A cube root has a plain meaning (8 times the bytes, twice as tall) and a true zero.
 */
export function edgeHeight(bytes: number, k: number): number {
  if (bytes <= 0) {
    return 0;
  }
  const exact = k * Math.cbrt(bytes / MEBIBYTE);
  return Math.round(10 * Math.min(Math.max(exact, 1), 10.08 * k)) / 10;
}
