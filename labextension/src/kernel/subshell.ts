/** Subshells: threads of the kernel that answer comms while a cell runs. */
import type { Kernel } from '@jupyterlab/services';

const WIDGETS = 'jupyter.widget';

/** What front ends with subshells give; older ones and those that have them switched off do without. */
interface WithSubshell {
  readonly subshellStarted?: Promise<void>;
  readonly commsOverSubshells?: string;
}

/** Resolves when what is sent on a comm is answered while a cell runs, or at once where nothing does that. */
export async function answering(kernel: Kernel.IKernelConnection, comm: Kernel.IComm): Promise<void> {
  const { subshellStarted, commsOverSubshells } = comm as WithSubshell;
  if (kernel.supportsSubshells && commsOverSubshells !== 'disabled') {
    // A kernel that refuses another subshell answers when the cell has ended.
    await subshellStarted?.catch(() => undefined);
  }
}

/**
 * Keeps the subshell of all widgets from before the first widget on. The front end begins it with their first comm, and then the first
 * request of that widget still goes to the main thread, after the cell; ipykernel from 7.4 on sends the later ones after it.
 *
 * @returns ends it
 */
export function keepForWidgets(kernel: Kernel.IKernelConnection): () => void {
  const comm = kernel.createComm(WIDGETS); // never opened: the kernel does not hear of it
  return () => {
    if (!comm.isDisposed) {
      comm.dispose();
    }
  };
}
