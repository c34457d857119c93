/** Names that a Dockerfile declares. */
import { START, State, advance, scan } from '../text/scanner';

export interface Names {
  readonly stages: readonly string[];
  readonly variables: readonly string[];
}

/** Stages and variables that the lines above declare. */
export function declared(lines: Iterable<string>): Names {
  const stages = new Set<string>();
  const variables = new Set<string>();
  for (const { line, step } of scan(lines)) {
    if (step.kind !== 'instruction' && step.kind !== 'continuation') {
      continue;
    }
    if (step.instruction === 'FROM') {
      const stage = /\sas\s+([\w.-]+)/i.exec(line)?.[1];
      if (stage) {
        stages.add(stage);
      }
    } else if (step.instruction === 'ENV' || step.instruction === 'ARG') {
      for (const [, name] of line.matchAll(/(?:^|\s)([A-Za-z_]\w*)(?==)/g)) {
        variables.add(name ?? '');
      }
      const bare = /^\s*(?:ARG|ENV)\s+([A-Za-z_]\w*)/i.exec(line)?.[1];
      if (bare) {
        variables.add(bare);
      }
    }
  }
  return { stages: [...stages], variables: [...variables] };
}

/** The state before line `number`, from 0. */
export function stateBefore(lines: readonly string[], number: number): State {
  return lines.slice(0, number).reduce((state, line) => advance(state, line).next, START);
}
