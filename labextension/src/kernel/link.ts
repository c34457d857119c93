/** What ties one kernel connection to dockmagic in that kernel: found, dialled, lost and found again. */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { Kernel } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';
import { Channel } from './channel';
import { keepForWidgets } from './subshell';

const TARGET = 'dockmagic';
const PANEL = 'dockmagic.panel';

export class Link {
  constructor(
    private readonly _kernel: Kernel.IKernelConnection,
    private readonly _hello: JSONObject
  ) {
    // dockmagic announces itself when it is loaded.
    _kernel.registerCommTarget(TARGET, () => {
      this._dial();
    });
    _kernel.statusChanged.connect((_, status) => {
      if (status === 'restarting' || status === 'autorestarting' || status === 'dead') {
        this._hangUp();
      }
    });
    _kernel.disposed.connect(() => {
      this._hangUp();
      Signal.clearData(this);
    });
    void this._look();
  }

  /** For records and cells; null while dockmagic is not loaded in the kernel. */
  get main(): Channel | null {
    return this._main;
  }

  /** For the panel; null while dockmagic is not loaded in the kernel. */
  get panel(): Channel | null {
    return this._panel;
  }

  /** A channel came or went. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Whether the kernel runs dockmagic already, from before this page. */
  private async _look(): Promise<void> {
    try {
      await this._kernel.info;
      const reply = await this._kernel.requestCommInfo({ target_name: TARGET });
      if (reply.content.status === 'ok' && Object.keys(reply.content.comms).length > 0 && !this._main) {
        this._dial();
      }
    } catch {
      // The kernel went before it answered; its successor announces itself.
    }
  }

  private _dial(): void {
    this._hangUp();
    this._endWidgets = keepForWidgets(this._kernel);
    this._main = this._open(TARGET, this._hello);
    this._panel = this._open(PANEL, { event: 'hello', protocol: 1 });
    this._changed.emit();
  }

  private _open(target: string, hello: JSONObject): Channel {
    const channel = new Channel(this._kernel, target, hello);
    channel.event.connect((_, event) => {
      if (event === 'closed' && (channel === this._main || channel === this._panel)) {
        this._hangUp();
      }
    });
    return channel;
  }

  private _hangUp(): void {
    const main = this._main;
    const panel = this._panel;
    const endWidgets = this._endWidgets;
    this._main = this._panel = this._endWidgets = null;
    if (main || panel || endWidgets) {
      [() => main?.dispose(), () => panel?.dispose(), endWidgets].forEach(end => {
        try {
          end?.();
        } catch {
          // The connection is gone: there is nobody to tell.
        }
      });
      this._changed.emit();
    }
  }

  private _main: Channel | null = null;
  private _panel: Channel | null = null;
  private _endWidgets: (() => void) | null = null;
  private readonly _changed = new Signal<this, void>(this);
}

/** The links of all kernels: one for each connection. */
export class Links {
  constructor(private readonly _hello: JSONObject) {}

  /** The link of a session's kernel; null without a kernel, or where another document has the kernel's comms. */
  of(session: ISessionContext): Link | null {
    const kernel = session.session?.kernel;
    if (!kernel || kernel.isDisposed || !kernel.handleComms) {
      return null;
    }
    let link = this._links.get(kernel);
    if (!link) {
      link = new Link(kernel, this._hello);
      this._links.set(kernel, link);
    }
    return link;
  }

  private readonly _links = new WeakMap<Kernel.IKernelConnection, Link>();
}
