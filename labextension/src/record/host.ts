/** What a record needs of the notebook that it stands in. */
import { INotebookTracker, NotebookActions, NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ISignal, Signal } from '@lumino/signaling';
import type { Link, Links } from '../kernel/link';
import type { RecordKey } from './model';

export const WIDGET_MIME = 'application/vnd.jupyter.widget-view+json';
const SETTLE_MS = 50;

export class NotebookHost {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _appRendermime: IRenderMimeRegistry,
    private readonly _links: Links
  ) {
    const session = _panel.sessionContext;
    session.kernelChanged.connect(this._kick, this);
    session.statusChanged.connect(this._kick, this);
    session.connectionStatusChanged.connect(this._kick, this);
    session.iopubMessage.connect((_, message) => {
      // models come and go with these; not with every line of a cell's output
      if (/^(comm_|status$)/.test(message.header.msg_type)) {
        this._kick();
      }
    });
    // The widget manager connects itself in reaction to the same promise.
    void session.ready.then(
      () => {
        this._kick();
      },
      () => undefined
    );
    _panel.disposed.connect(() => {
      window.clearTimeout(this._timer);
      Signal.clearData(this);
    });
  }

  /** A widget model, the kernel or the way to it may have come or gone. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Changes with every connection to dockmagic in a kernel: what an earlier one said of models counts no more. */
  get connection(): unknown {
    return this._link()?.main ?? null;
  }

  /** Id of the live model of a record; null when there is none. */
  async modelOf(key: RecordKey): Promise<string | null> {
    const main = this._link()?.main;
    if (!main) {
      return null;
    }
    try {
      const params = { key: key.key, ...(key.container && { container: key.container }), ...(key.image && { image: key.image }) };
      const reply = (await main.ask('model', params)) as { model_id?: unknown } | null;
      return typeof reply?.model_id === 'string' && reply.model_id ? reply.model_id : null;
    } catch {
      return null; // The drawing says all that is left.
    }
  }

  /** The kernel has this widget model. */
  isAlive(modelId: string): boolean {
    // A widget's model id is its comm id. The connection forgets its comms on restart and shutdown; the widget manager
    // keeps dead models.
    return this._panel.sessionContext.session?.kernel?.hasComm(modelId) ?? false;
  }

  /** A renderer for widget views; null while no widget manager is connected. */
  createView(): IRenderMime.IRenderer | null {
    const rendermime = this._panel.content.rendermime;
    const factory = rendermime.getFactory(WIDGET_MIME);
    // The application's own factory is a placeholder: only outputs' direct children get a manager from it later.
    if (!factory || factory === this._appRendermime.getFactory(WIDGET_MIME)) {
      return null;
    }
    return rendermime.createRenderer(WIDGET_MIME);
  }

  /** Does what a live view asks for; false when it cannot. `node` lies in the output of the cell that is meant. */
  act(action: string, code: string, node: Node): boolean {
    const notebook = this._panel.content;
    if (action === 'interrupt') {
      void this._panel.sessionContext.session?.kernel?.interrupt();
      return true;
    }
    const index = notebook.widgets.findIndex(cell => cell.node.contains(node));
    if (index < 0) {
      return false;
    }
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    if (action === 'run-again') {
      void NotebookActions.run(notebook, this._panel.sessionContext);
      return true;
    }
    if (action === 'insert') {
      insertBelow(this._panel, code);
      return true;
    }
    return false;
  }

  private _link(): Link | null {
    const link = this._links.of(this._panel.sessionContext);
    if (link && link !== this._connected) {
      this._connected?.changed.disconnect(this._kick, this);
      link.changed.connect(this._kick, this);
      this._connected = link;
    }
    return link;
  }

  private _kick(): void {
    if (!this._timer) {
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        this._changed.emit();
      }, SETTLE_MS);
    }
  }

  private _connected: Link | null = null;
  private _timer = 0;
  private readonly _changed = new Signal<this, void>(this);
}

/** Puts a code cell below the active one and makes it active. */
export function insertBelow(panel: NotebookPanel, code: string): void {
  NotebookActions.insertBelow(panel.content);
  panel.content.activeCell?.model.sharedModel.setSource(code);
  panel.content.mode = 'edit';
}

/** Finds the host of a renderer by its notebook's resolver: also in new views of an output or a notebook. */
export class Hosts {
  constructor(
    private readonly _tracker: INotebookTracker | null,
    private readonly _rendermime: IRenderMimeRegistry,
    private readonly _links: Links
  ) {}

  find(resolver: IRenderMime.IResolver | null): NotebookHost | null {
    const panel = resolver && this._tracker?.find(each => each.content.rendermime.resolver === resolver);
    if (!panel) {
      return null;
    }
    let host = this._hosts.get(panel);
    if (!host) {
      host = new NotebookHost(panel, this._rendermime, this._links);
      this._hosts.set(panel, host);
    }
    return host;
  }

  private readonly _hosts = new WeakMap<NotebookPanel, NotebookHost>();
}
