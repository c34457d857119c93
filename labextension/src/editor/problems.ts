/** Problems as the kernel reports them, underlined. Without a kernel there are none. */
import { Diagnostic, lintKeymap, linter } from '@codemirror/lint';
import { EditorState, Extension, StateEffect, Text } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { isMagic } from '../text/magic';
import { visible } from '../text/visible';

/** Asks the kernel of an editor about the text of its cell; null where nobody can be asked. */
export type Ask = (view: EditorView, text: string) => Promise<unknown>;

/** The kernel may say something else now. */
export const kernelChanged = StateEffect.define();

const DELAY_MS = 500;

export function problems(ask: Ask): Extension {
  return [
    linter(async view => {
      const { doc } = view.state;
      return isMagic(doc.line(1).text) ? readDiagnostics(await ask(view, doc.toString()), doc) : [];
    }, {
      delay: DELAY_MS,
      needsRefresh: update => update.transactions.some(each => each.effects.some(effect => effect.is(kernelChanged)))
    }),
    EditorState.phrases.of({ 'Diagnostics': 'Problems' }),
    keymap.of(lintKeymap)
  ];
}

function readDiagnostics(reply: unknown, doc: Text): Diagnostic[] {
  const found = (reply as { diagnostics?: unknown } | null)?.diagnostics;
  return Array.isArray(found) ? found.flatMap(each => readDiagnostic(each, doc) ?? []) : [];
}

interface Place {
  readonly line: number;
  readonly column: number;
}

function readDiagnostic(told: unknown, doc: Text): Diagnostic | null {
  const { from, to, severity, message, hint, rule } = told as Record<string, unknown>;
  const start = offset(from as Place | undefined, doc);
  const end = offset(to as Place | undefined, doc);
  if (start === null || end === null || typeof message !== 'string') {
    return null;
  }
  const line = doc.lineAt(start);
  const words = [message, hint].filter(part => typeof part === 'string' && part).map(part => visible(part as string));
  return {
    from: start,
    // A mark without width cannot be seen.
    to: Math.max(end, Math.min(start + 1, line.to)),
    severity: severity === 'error' ? 'error' : 'warning',
    message: words.join('\n'),
    ...(typeof rule === 'string' && rule !== 'parse' ? { source: visible(rule) } : {})
  };
}

/** Offset of a line (from 0) and column, kept inside the text. */
function offset(place: Place | undefined, doc: Text): number | null {
  if (typeof place?.line !== 'number' || typeof place.column !== 'number' || place.line < 0 || place.line >= doc.lines) {
    return null;
  }
  const line = doc.line(Math.trunc(place.line) + 1);
  return Math.min(line.from + Math.max(Math.trunc(place.column), 0), line.to);
}
