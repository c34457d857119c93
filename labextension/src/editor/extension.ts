/** The editor of a cell: turns into a Dockerfile editor while its first line is `%%container …`. */
import {
  LanguageSupport,
  StreamLanguage,
  codeFolding,
  foldGutter,
  foldKeymap,
  foldService,
  foldedRanges,
  foldEffect,
  syntaxHighlighting,
  unfoldEffect
} from '@codemirror/language';
import { Compartment, EditorState, Extension, Prec, StateField, Text } from '@codemirror/state';
import { EditorView, Tooltip, ViewPlugin, ViewUpdate, hoverTooltip, keymap } from '@codemirror/view';
import { classHighlighter } from '@lezer/highlight';
import { element } from '../text/elements';
import { isMagic } from '../text/magic';
import { Fold, heredocFolds } from './folds';
import { explain } from './hover';
import { cellParser } from './language';
import { Ask, problems } from './problems';

const language = StreamLanguage.define(cellParser);
const magic = (doc: Text): boolean => isMagic(doc.line(1).text);

/** The extension of every editor: a language of its own above the notebook's, as long as the first line asks for it. */
export function containerCells(ask: Ask): Extension {
  return switched(magic, Prec.highest(cellEditor(ask)));
}

/** An extension that is there as long as the text fulfils a condition. */
function switched(condition: (doc: Text) => boolean, extension: Extension): Extension {
  const compartment = new Compartment();
  const isOn = StateField.define<boolean>({
    create: state => condition(state.doc),
    update: (value, transaction) => (transaction.docChanged ? condition(transaction.newDoc) : value)
  });
  const turn = ViewPlugin.fromClass(
    class {
      constructor(private readonly _view: EditorView) {
        if (_view.state.field(isOn)) {
          this._turn();
        }
      }

      update(update: ViewUpdate): void {
        if (update.startState.field(isOn, false) !== update.state.field(isOn)) {
          this._turn();
        }
      }

      destroy(): void {
        this._gone = true;
      }

      /** No view may be changed while it updates. */
      private _turn(): void {
        queueMicrotask(() => {
          if (!this._gone) {
            this._view.dispatch({ effects: compartment.reconfigure(this._view.state.field(isOn) ? extension : []) });
          }
        });
      }

      private _gone = false;
    }
  );
  return [isOn, compartment.of([]), turn];
}

function cellEditor(ask: Ask): Extension {
  return [
    new LanguageSupport(language),
    // Names of classes that themes and tests can use, beside the theme's own colours.
    syntaxHighlighting(classHighlighter),
    folding,
    hoverTooltip(explainTooltip),
    problems(ask),
    EditorView.editorAttributes.of({ class: 'dml-cell' })
  ];
}

const folds = StateField.define<readonly Fold[]>({
  create: state => heredocFolds(state.doc.iterLines()),
  update: (value, transaction) => (transaction.docChanged ? heredocFolds(transaction.newDoc.iterLines()) : value)
});

const folding: Extension = [
  folds,
  foldService.of((state, lineStart) => rangeAt(state, lineStart)),
  codeFolding(),
  switched(doc => heredocFolds(doc.iterLines()).length > 0, foldGutter()),
  keymap.of(foldKeymap)
];

function rangeAt(state: EditorState, lineStart: number): { from: number; to: number } | null {
  const line = state.doc.lineAt(lineStart);
  const fold = state.field(folds, false)?.find(each => each.header + 1 === line.number);
  return fold ? { from: line.to, to: state.doc.line(fold.last + 1).to } : null;
}

/** Folds or unfolds the here-document that the cursor is in or whose instruction it is on; false when there is none. */
export function toggleFold(view: EditorView): boolean {
  const number = view.state.doc.lineAt(view.state.selection.main.head).number - 1;
  const fold = view.state.field(folds, false)?.find(each => number >= each.header && number <= each.last);
  const range = fold && rangeAt(view.state, view.state.doc.line(fold.header + 1).from);
  if (!range) {
    return false;
  }
  const found: boolean[] = [];
  foldedRanges(view.state).between(range.from, range.to, (from, to) => {
    found.push(from === range.from && to === range.to);
  });
  const folded = found.includes(true);
  view.dispatch({
    effects: (folded ? unfoldEffect : foldEffect).of(range),
    // A cursor inside would unfold it again.
    selection: { anchor: folded ? view.state.selection.main.head : range.from }
  });
  return true;
}

function explainTooltip(view: EditorView, position: number): Tooltip | null {
  const line = view.state.doc.lineAt(position);
  const told = explain([...view.state.doc.iterLines()], line.number - 1, position - line.from);
  return (
    told && {
      pos: line.from + told.from,
      end: line.from + told.to,
      above: true,
      create: () => ({
        dom: element('div', 'dml-hover', element('code', '', told.form), element('div', '', told.text))
      })
    }
  );
}
