/** One comm that this side opened: requests, replies, events. */
import type { Kernel } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';
import { Envelope } from './envelope';
import { answering } from './subshell';


export class Channel {
  constructor(kernel: Kernel.IKernelConnection, target: string, hello: JSONObject) {
    this._comm = kernel.createComm(target);
    this._envelope = new Envelope(message => {
      void this._comm.send(message as JSONObject);
    });
    this._comm.onMsg = message => {
      const event = this._envelope.take(message.content.data);
      if (event) {
        this._event.emit(event);
      }
    };
    this._comm.onClose = () => {
      this._end();
    };
    this.opened = answering(kernel, this._comm).then(() => {
      if (!this._ended) {
        this._comm.open(hello);
      }
    });
  }

  /** The kernel may be asked. */
  readonly opened: Promise<void>;

  /** An event came: its name. */
  get event(): ISignal<this, string> {
    return this._event;
  }

  get ended(): boolean {
    return this._ended;
  }

  async ask(method: string, params: Record<string, unknown> = {}): Promise<unknown> {
    await this.opened;
    return this._envelope.ask(method, params);
  }

  /** Leaves the comm; the kernel may have gone already. */
  dispose(): void {
    this._end();
    if (!this._comm.isDisposed) {
      this._comm.dispose();
    }
  }

  private _end(): void {
    if (!this._ended) {
      this._ended = true;
      this._envelope.close();
      this._event.emit('closed');
    }
  }

  private readonly _comm: Kernel.IComm;
  private readonly _envelope: Envelope;
  private readonly _event = new Signal<this, string>(this);
  private _ended = false;
}
