/** Gives the notebook's own completer what can stand at the cursor of a `%%container` cell. */
import { Completer, CompleterModel, CompletionHandler, ICompletionContext, ICompletionProvider } from '@jupyterlab/completer';
import { isMagic } from '../text/magic';
import { complete } from './completion';

export class ContainerCompletions implements ICompletionProvider {
  constructor(private readonly _images: () => readonly string[]) {}

  readonly identifier = 'CompletionProvider:dockmagic';
  /** Before all of JupyterLab's own (up to 1000): the first one's model is used. */
  readonly rank = 1100;
  readonly renderer = null;

  modelFactory(context: ICompletionContext): Promise<Completer.IModel> {
    return Promise.resolve(new ContainerCompleterModel(context));
  }

  isApplicable(context: ICompletionContext): Promise<boolean> {
    return Promise.resolve(isMagic(context.editor?.getLine(0) ?? ''));
  }

  fetch(request: CompletionHandler.IRequest, context: ICompletionContext): Promise<CompletionHandler.ICompletionItemsReply> {
    // The request of some front ends holds one line only.
    const source = context.editor?.model.sharedModel.getSource() ?? request.text;
    const offset = context.editor ? context.editor.getOffsetAt(context.editor.getCursorPosition()) : request.offset;
    const shift = request.offset - offset;
    const { start, end, items } = complete(source, offset, this._images());
    return Promise.resolve({
      start: start + shift,
      end: end + shift,
      items: items.map(item => ({ label: item.label, type: item.kind, documentation: item.documentation, [OURS]: true }))
    });
  }
}

const OURS = 'dockmagic';

/** Below a magic line, Python's names are none. */
class ContainerCompleterModel extends CompleterModel {
  constructor(private readonly _context: ICompletionContext) {
    super();
  }

  override setCompletionItems(items: CompletionHandler.ICompletionItems): void {
    const { editor } = this._context;
    const body = editor && isMagic(editor.getLine(0) ?? '') && editor.getCursorPosition().line > 0;
    super.setCompletionItems(body ? items.filter(item => OURS in item) : items);
  }
}
