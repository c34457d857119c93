/** What can be folded in a cell: bodies of here-documents. */
import { scan } from '../text/scanner';

export interface Fold {
  /** Number of the line that stays, from 0. */
  readonly header: number;
  /** The first and the last line that are hidden, from 0: the body and its delimiter. */
  readonly first: number;
  readonly last: number;
}

/** The here-documents of a cell; of an instruction with several, all bodies fold as one. */
export function heredocFolds(lines: Iterable<string>): Fold[] {
  const folds: Fold[] = [];
  let header = -1;
  for (const [index, { before, step }] of scan(lines).entries()) {
    if (step.kind === 'instruction' || step.kind === 'continuation') {
      header = index;
    } else if (step.kind === 'delimiter' && before.heredocs.length === 1) {
      folds.push({ header, first: header + 1, last: index });
    }
  }
  return folds;
}
