/** dockmagic in JupyterLab and Notebook: the plugins. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { CodeMirrorEditor, EditorExtensionRegistry, IEditorExtensionRegistry } from '@jupyterlab/codemirror';
import { ICompletionProviderManager } from '@jupyterlab/completer';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { EditorView } from '@codemirror/view';
import { ContainerCompletions } from './editor/completer';
import { containerCells, toggleFold } from './editor/extension';
import { kernelChanged } from './editor/problems';
import { Links } from './kernel/link';
import { ContainersPanel } from './panel/panel';
import { Hosts, WIDGET_MIME } from './record/host';
import { RECORD_MIME } from './record/model';
import { RecordRenderer } from './record/renderer';
import { VERSION } from './version';

/** Below the widget renderer's -10, or that one draws a bundle that holds both. */
const RANK = -20;
const FOLD = 'dockmagic:toggle-fold';
const SHOW = 'dockmagic:show-panel';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'dockmagic-labextension:plugin',
  description: 'Cells of dockmagic: highlighting, records, the panel of images and containers.',
  autoStart: true,
  requires: [IEditorExtensionRegistry, IRenderMimeRegistry],
  optional: [INotebookTracker, ICompletionProviderManager, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    editors: IEditorExtensionRegistry,
    rendermime: IRenderMimeRegistry,
    tracker: INotebookTracker | null,
    completers: ICompletionProviderManager | null,
    palette: ICommandPalette | null
  ) => {
    const links = new Links({
      event: 'hello',
      protocol: 1,
      frontend: app.name.includes('Notebook') ? 'notebook' : 'jupyterlab',
      version: VERSION,
      // Asked when it is sent: the widget managers may be activated after this.
      get widgets(): boolean {
        return app.hasPlugin('anywidget:plugin') && rendermime.getFactory(WIDGET_MIME) !== undefined;
      }
    });
    const hosts = new Hosts(tracker, rendermime, links);
    rendermime.addFactory(
      { safe: true, mimeTypes: [RECORD_MIME], createRenderer: options => new RecordRenderer(() => hosts.find(options.resolver)) },
      RANK
    );
    editors.addExtension({
      name: 'dockmagic-cells',
      factory: () => EditorExtensionRegistry.createImmutableExtension(containerCells((view, text) => diagnose(tracker, links, view, text)))
    });
    let images: () => readonly string[] = () => [];
    if (tracker) {
      const panel = new ContainersPanel(tracker, links);
      images = () => panel.images;
      app.shell.add(panel, 'left', { rank: 900 });
      app.commands.addCommand(SHOW, {
        label: 'Show Images and Containers',
        execute: () => {
          app.shell.activateById(panel.id);
        }
      });
      palette?.addItem({ command: SHOW, category: 'dockmagic' });
      tracker.widgetAdded.connect((_, notebook) => {
        checkAgain(notebook, links);
      });
      addFoldCommand(app, tracker, palette);
    }
    completers?.registerProvider(new ContainerCompletions(() => images()));
  }
};

/** Asks the kernel of the notebook that an editor belongs to. */
async function diagnose(tracker: INotebookTracker | null, links: Links, view: EditorView, text: string): Promise<unknown> {
  const panel = tracker?.find(each => each.node.contains(view.dom));
  const channel = panel && links.of(panel.sessionContext)?.main;
  try {
    return channel ? await channel.ask('diagnose', { text }) : null;
  } catch {
    return null; // The kernel went: nobody knows of problems.
  }
}

/** Has the cells of a notebook checked again whenever a kernel can be asked, or none any more. */
function checkAgain(notebook: NotebookPanel, links: Links): void {
  const seen = new WeakSet();
  const check = (): void => {
    for (const cell of notebook.isDisposed ? [] : notebook.content.widgets) {
      if (cell.editor instanceof CodeMirrorEditor) {
        cell.editor.editor.dispatch({ effects: kernelChanged.of(null) });
      }
    }
  };
  const connect = (): void => {
    const link = links.of(notebook.sessionContext);
    if (link && !seen.has(link)) {
      seen.add(link);
      link.changed.connect(check);
    }
    check();
  };
  notebook.sessionContext.kernelChanged.connect(connect);
  notebook.sessionContext.connectionStatusChanged.connect(connect);
  void notebook.sessionContext.ready.then(connect, () => undefined);
}

function addFoldCommand(app: JupyterFrontEnd, tracker: INotebookTracker, palette: ICommandPalette | null): void {
  app.commands.addCommand(FOLD, {
    label: 'Fold or Unfold the Here-Document at the Cursor',
    caption: 'In a %%container cell',
    execute: () => {
      const editor = tracker.activeCell?.editor;
      return editor instanceof CodeMirrorEditor && toggleFold(editor.editor);
    }
  });
  palette?.addItem({ command: FOLD, category: 'dockmagic' });
}

export default plugin;
