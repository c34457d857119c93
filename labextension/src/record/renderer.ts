/** The record's renderer: the drawing at once, the live widget in its place while, and only while, its model is alive. */
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';
import { draw } from './drawing';
import { NotebookHost, WIDGET_MIME } from './host';
import { RECORD_MIME, RecordKey, readKey, readRecord } from './model';

const RETRY_MS = 1000;
const ACTION = 'dockmagic:act';
const WAITING = { childList: true, subtree: true, characterData: true };
const SHOWN = { childList: true };

export class RecordRenderer extends Panel implements IRenderMime.IRenderer {
  constructor(private readonly _findHost: () => NotebookHost | null) {
    super();
    this.addClass('dml-record');
    this._drawing.addClass('dml-drawing');
    this.addWidget(this._drawing);
    this._say('static');
    this.node.setAttribute('role', 'group');
    this.node.setAttribute('aria-label', 'dockmagic record');
    this.node.addEventListener(ACTION, event => {
      this._act(event);
    });
    // A hundred records do not ask at once: one asks when it is scrolled into view.
    this._sight = new IntersectionObserver(entries => {
      this._seen = entries.some(entry => entry.isIntersecting);
      this._update();
    });
    this._sight.observe(this.node);
  }

  /** Draws; never rejects, and never waits for the kernel. */
  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const metadata = model.metadata[RECORD_MIME];
    draw(this._drawing.node, readRecord(model.data[RECORD_MIME], metadata));
    // An untrusted document must not choose which widget is made.
    this._key = model.trusted ? readKey(metadata) : null;
    this._given = model.trusted ? viewOf(model.data[WIDGET_MIME]) : null;
    this._answer = null;
    this._update();
    return Promise.resolve();
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._sight.disconnect();
    this._drop();
    super.dispose(); // also disconnects from host.changed
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._update(); // the document may have become known since renderModel
  }

  private _update(): void {
    if (this.isDisposed || !(this._key ?? this._given)) {
      return;
    }
    const host = this._found();
    if (!host) {
      return;
    }
    const id = this._given ?? this._asked(host);
    if (!id || !host.isAlive(id)) {
      this._drop();
      return;
    }
    if (this._view && this._viewId === id) {
      const failed = this._settled && this.node.dataset['state'] === 'static';
      if (!failed || Date.now() - this._tried < RETRY_MS) {
        return;
      }
    }
    this._show(host, id);
  }

  private _found(): NotebookHost | null {
    if (this._host) {
      return this._host;
    }
    const host = this._findHost();
    host?.changed.connect(this._update, this);
    this._host = host;
    return host;
  }

  /** What the kernel said of the model; asks when it has not been asked on this connection. */
  private _asked(host: NotebookHost): string | null {
    const { connection } = host;
    if (connection === null) {
      this._answer = null;
      return null;
    }
    const known = this._answer;
    if (known && known.connection === connection) {
      return known.id;
    }
    if (this._key && this._seen) {
      const answer: Answer = { connection, id: null };
      this._answer = answer;
      void host.modelOf(this._key).then(id => {
        answer.id = id;
        if (this._answer === answer) {
          this._update();
        }
      });
    }
    return null;
  }

  private _show(host: NotebookHost, id: string): void {
    this._drop();
    const view = host.createView();
    if (!view) {
      return;
    }
    this._view = view;
    this._viewId = id;
    this._settled = false;
    this._tried = Date.now();
    view.hide();
    this.addWidget(view);
    this._watch = new MutationObserver(() => {
      this._swap(view);
    });
    this._watch.observe(view.node, WAITING);
    // A private copy: the widget renderer blanks model_id when its view goes.
    const copy: IRenderMime.IMimeModel = {
      trusted: true,
      data: { [WIDGET_MIME]: { version_major: 2, version_minor: 0, model_id: id } },
      metadata: {},
      setData: () => undefined
    };
    const settled = (): void => {
      if (this._view === view) {
        this._settled = true;
        this._swap(view);
      }
    };
    void view.renderModel(copy).then(settled, settled);
  }

  /** Shows the view if it has drawn something real, else the drawing. */
  private _swap(view: IRenderMime.IRenderer): void {
    if (this._view !== view) {
      return;
    }
    const good = isDrawn(view.node);
    if (good !== (this.node.dataset['state'] === 'live')) {
      // A view that is there draws as often as it likes: only its going is of interest.
      this._watch?.disconnect();
      this._watch?.observe(view.node, good ? SHOWN : WAITING);
    }
    view.setHidden(!good);
    this._drawing.setHidden(good);
    this._say(good ? 'live' : 'static');
  }

  private _drop(): void {
    this._watch?.disconnect();
    this._watch = null;
    const view = this._view;
    this._view = null;
    this._viewId = '';
    this._drawing.show();
    this._say('static');
    view?.dispose();
  }

  private _say(state: 'static' | 'live'): void {
    this.node.dataset['state'] = state;
  }

  private _act(event: Event): void {
    const detail: unknown = event instanceof CustomEvent ? event.detail : null;
    const { action, code } = (typeof detail === 'object' && detail !== null ? detail : {}) as { action?: unknown; code?: unknown };
    if (this.node.dataset['state'] !== 'live' || typeof action !== 'string') {
      return;
    }
    if (this._host?.act(action, typeof code === 'string' ? code : '', this.node)) {
      event.preventDefault();
    }
  }

  private readonly _drawing = new Widget();
  private readonly _sight: IntersectionObserver;
  private _seen = false;
  private _host: NotebookHost | null = null;
  private _key: RecordKey | null = null;
  /** The model that the output itself names: only where the configuration asks for that. */
  private _given: string | null = null;
  private _answer: Answer | null = null;
  private _view: IRenderMime.IRenderer | null = null;
  private _viewId = '';
  private _settled = false;
  private _tried = 0;
  private _watch: MutationObserver | null = null;
}

interface Answer {
  readonly connection: unknown;
  id: string | null;
}

/** A widget's view has something to read. "Loading widget…" and error messages are bare text, a view that failed is empty. */
function isDrawn(node: Element): boolean {
  return node.querySelector('.jupyter-widgets-error-widget') === null && Array.from(node.children).some(hasText);
}

function hasText(element: Element): boolean {
  const inside = element.shadowRoot?.textContent ?? '';
  return ((element.textContent ?? '') + inside).trim() !== '' || Array.from(element.children).some(hasText);
}

function viewOf(data: unknown): string | null {
  const id = typeof data === 'object' && data !== null ? (data as { model_id?: unknown }).model_id : null;
  return typeof id === 'string' && id ? id : null;
}
