/** The left panel: images, containers, disk, isolation of the current notebook's kernel. */
import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { LabIcon } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import type { Channel } from '../kernel/channel';
import { KernelError } from '../kernel/envelope';
import type { Link, Links } from '../kernel/link';
import { insertBelow } from '../record/host';
import { element } from '../text/elements';
import { visible } from '../text/visible';
import { Action, PanelState, names, readState } from './state';
import { Handlers, message, sections } from './view';

/** How often it looks again while something runs. */
const LOOK_MS = 3000;

/** Three closed slabs and an open tray. */
const ICON = new LabIcon({
  name: 'dockmagic:stack',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16"><g class="jp-icon3" fill="#616161">' +
    '<path d="M2 14h12v-2.4H2zM2 11h12V8.6H2z"/><path d="M2 2v5.5h12V2h-1.2v4.3H3.2V2z"/></g></svg>'
});

export class ContainersPanel extends Widget implements Handlers {
  constructor(
    private readonly _tracker: INotebookTracker,
    private readonly _links: Links
  ) {
    super();
    this.id = 'dockmagic-panel';
    this.addClass('dml-panel');
    this.title.icon = ICON;
    this.title.caption = 'Images and containers';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Images and containers');
    this._status.setAttribute('role', 'status');
    const refresh = element('button', 'dml-button', '↻');
    refresh.type = 'button';
    refresh.title = 'Refresh';
    refresh.setAttribute('aria-label', 'Refresh');
    refresh.addEventListener('click', () => {
      this._refresh();
    });
    const header = element('div', 'dml-panel-header', element('h2', '', 'Images and containers'), refresh);
    this.node.append(header, this._status, this._body);
    this.node.addEventListener('keydown', event => {
      this._move(event);
    });
    this._tracker.currentChanged.connect(this._follow, this);
    this._follow();
  }

  /** Rows that show their actions. */
  readonly open = new Set<string>();

  /** Names of images in the store, as far as the panel has seen it. */
  get images(): readonly string[] {
    return this._state ? names(this._state) : [];
  }

  toggle(ref: string): void {
    if (!this.open.delete(ref)) {
      this.open.add(ref);
    }
    this._draw();
  }

  act(ref: string, action: Action): void {
    void this._act(ref, action);
  }

  override dispose(): void {
    window.clearInterval(this._timer);
    super.dispose();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    window.clearInterval(this._timer);
    this._timer = window.setInterval(() => {
      this._watch();
    }, LOOK_MS);
    this._watch();
  }

  protected override onBeforeHide(message: Message): void {
    window.clearInterval(this._timer);
    super.onBeforeHide(message);
  }

  /** The panel is asked for: the keys work in it. */
  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.querySelector('button')?.focus();
  }

  private async _act(ref: string, action: Action): Promise<void> {
    if (action.confirm && !(await confirmed(action))) {
      return;
    }
    if (action.inCell) {
      const panel = this._tracker.currentWidget;
      if (panel) {
        insertBelow(panel, action.code);
      }
      this._tell(panel ? 'The code stands in a new cell.' : 'Open a notebook first.');
      return;
    }
    try {
      const reply = (await this._channel?.ask('act', { action: action.action, ref })) as { done?: unknown } | undefined;
      this._tell(typeof reply?.done === 'string' ? visible(reply.done) : 'The kernel has gone.');
    } catch (error) {
      this._tell(error instanceof KernelError ? [error.message, error.hint].filter(Boolean).map(visible).join(': ') : 'It failed.');
    }
    this._refresh();
  }

  private _tell(words: string): void {
    this._status.textContent = words;
  }

  /** Looks at the notebook that is in front. */
  private _follow(): void {
    const notebook = this._tracker.currentWidget;
    if (notebook !== this._notebook) {
      this._notebook?.sessionContext.kernelChanged.disconnect(this._connect, this);
      this._notebook?.sessionContext.connectionStatusChanged.disconnect(this._connect, this);
      notebook?.sessionContext.kernelChanged.connect(this._connect, this);
      notebook?.sessionContext.connectionStatusChanged.connect(this._connect, this);
      this._notebook = notebook;
    }
    this._connect();
  }

  private _connect(): void {
    const link = this._notebook ? this._links.of(this._notebook.sessionContext) : null;
    if (link !== this._link) {
      this._link?.changed.disconnect(this._attach, this);
      link?.changed.connect(this._attach, this);
      this._link = link;
    }
    this._attach();
  }

  private _attach(): void {
    const channel = this._link?.panel ?? null;
    if (channel !== this._channel) {
      this._channel?.event.disconnect(this._onEvent, this);
      channel?.event.connect(this._onEvent, this);
      this._channel = channel;
      this._state = null;
      this._told = '';
      this._asking = this._again = false;
    }
    this._draw();
    this._refresh();
  }

  private _onEvent(_: unknown, event: string): void {
    if (event === 'changed') {
      this._refresh();
    }
  }

  /** What runs may grow, and a cell that runs may make something. */
  private _watch(): void {
    const busy = this._notebook?.sessionContext.session?.kernel?.status === 'busy';
    const grows = this._state?.containers.some(container => container.status === 'running') ?? false;
    // A button that is being pressed stays.
    if ((busy || grows) && !this._body.matches(':active')) {
      this._refresh();
    }
  }

  /** Asks for the state; at most one request is on its way. */
  private _refresh(): void {
    const channel = this._channel;
    if (!channel) {
      return;
    }
    if (this._asking) {
      this._again = true;
      return;
    }
    this._asking = true;
    const done = (): void => {
      if (channel === this._channel) {
        this._asking = false;
        if (this._again) {
          this._again = false;
          this._refresh();
        }
      }
    };
    void channel
      .ask('state')
      .then(
        reply => {
          const told = JSON.stringify(reply);
          if (channel === this._channel && told !== this._told) {
            this._told = told;
            this._state = readState(reply);
            this._draw();
          }
        },
        (error: unknown) => {
          if (channel === this._channel && error instanceof KernelError && error.kind !== 'Closed') {
            this._tell(visible(error.message));
          }
        }
      )
      .then(done);
  }

  private _draw(): void {
    const focused = this._body.contains(document.activeElement) ? document.activeElement : null;
    const key = focused instanceof HTMLElement ? focused.dataset['focus'] : undefined;
    this._body.replaceChildren(...(this._state ? sections(this._state, this) : [this._nothing()]));
    if (key !== undefined) {
      const next = this._focusable().find(each => each.dataset['focus'] === key) ?? this._focusable()[0];
      (next ?? this.node.querySelector('button'))?.focus();
    }
  }

  private _nothing(): HTMLElement {
    if (!this._notebook) {
      return message('Open a notebook to see its images and containers.');
    }
    if (!this._channel) {
      return message('Run ', element('code', '', '%load_ext dockmagic'), ' in the notebook to see its images and containers.');
    }
    return message('Asking the kernel…');
  }

  private _focusable(): HTMLElement[] {
    return [...this._body.querySelectorAll<HTMLElement>('[data-focus]')];
  }

  /** The arrow keys go from button to button. */
  private _move(event: KeyboardEvent): void {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const buttons = this._focusable();
    const at = buttons.findIndex(button => button === document.activeElement);
    const next = at < 0 ? undefined : buttons[at + step];
    if (step !== 0 && next) {
      next.focus();
      event.preventDefault();
      event.stopPropagation();
    }
  }

  private readonly _status = element('div', 'dml-status');
  private readonly _body = element('div', 'dml-panel-body');
  private _notebook: NotebookPanel | null = null;
  private _link: Link | null = null;
  private _channel: Channel | null = null;
  private _state: PanelState | null = null;
  /** The reply that is drawn. */
  private _told = '';
  private _timer = 0;
  private _asking = false;
  private _again = false;
}

async function confirmed(action: Action): Promise<boolean> {
  const result = await showDialog({
    title: action.label,
    body: `${action.confirm}\n${visible(action.code)}`,
    buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: action.label })]
  });
  return result.button.accept;
}
