/** Gives the notebook's own completer what can stand at the cursor of a `%%container` cell. */
import type { CompletionHandler, ICompletionContext, ICompletionProvider } from '@jupyterlab/completer';
import { isMagic } from '../text/magic';
import { complete } from './completion';

export class ContainerCompletions implements ICompletionProvider {
  constructor(private readonly _images: () => readonly string[]) {}

  readonly identifier = 'CompletionProvider:dockmagic';
  /** Before the kernel's (550), which knows Python alone. */
  readonly rank = 1100;
  readonly renderer = null;

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
      items: items.map(item => ({ label: item.label, type: item.kind, documentation: item.documentation }))
    });
  }
}
