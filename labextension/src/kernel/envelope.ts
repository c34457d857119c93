/** Requests and replies by their number, as `docs/lab-protocol.md` describes them. Pure: whoever sends gives the function. */

export class KernelError extends Error {
  constructor(
    message: string,
    readonly hint: string,
    readonly kind: string
  ) {
    super(message);
  }
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

export class Envelope {
  constructor(private readonly _send: (message: Json) => void) {}

  /** Sends a request; rejects with a {@link KernelError} when the kernel refuses or goes. */
  ask(method: string, params: Json = {}): Promise<unknown> {
    const id = ++this._last;
    return new Promise((resolve, reject) => {
      this._waiting.set(id, { resolve, reject });
      try {
        this._send({ id, method, params });
      } catch {
        this._waiting.delete(id);
        reject(gone());
      }
    });
  }

  /** Takes a message; returns the name of the event that it is, or "". */
  take(message: unknown): string {
    const told = object(message);
    const waiting = this._waiting.get(told['id']);
    if (!waiting) {
      return text(told['event']);
    }
    this._waiting.delete(told['id']);
    if ('error' in told) {
      const error = object(told['error']);
      waiting.reject(new KernelError(text(error['message']), text(error['hint']), text(error['kind'])));
    } else {
      waiting.resolve(told['result']);
    }
    return '';
  }

  /** Nobody will answer any more. */
  close(): void {
    const waiting = [...this._waiting.values()];
    this._waiting.clear();
    waiting.forEach(({ reject }) => {
      reject(gone());
    });
  }

  private _last = 0;
  private readonly _waiting = new Map<unknown, Waiting>();
}

function gone(): KernelError {
  return new KernelError('the kernel has gone', '', 'Closed');
}
