import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { Envelope, KernelError } from '../src/kernel/envelope';
import { answering, keepForWidgets } from '../src/kernel/subshell';
import { names, readState } from '../src/panel/state';
import { VERSION } from '../src/version';

test('replies find their requests in any order', async () => {
  const sent: { id: number }[] = [];
  const envelope = new Envelope(message => sent.push(message as unknown as { id: number }));
  const first = envelope.ask('state');
  const second = envelope.ask('model', { key: 'k' });
  envelope.take({ id: sent[1]!.id, result: 2 });
  envelope.take({ id: sent[0]!.id, result: 1 });
  assert.deepEqual(await Promise.all([first, second]), [1, 2]);
});

test('an error of the kernel is one here, with its hint', async () => {
  const envelope = new Envelope(() => undefined);
  const asked = envelope.ask('act');
  envelope.take({ id: 1, error: { message: 'it is running', hint: 'rm -f', kind: 'ConflictError' } });
  await assert.rejects(asked, (error: unknown) => error instanceof KernelError && error.hint === 'rm -f');
});

test('nobody waits for a kernel that has gone', async () => {
  const envelope = new Envelope(() => undefined);
  const asked = envelope.ask('state');
  envelope.close();
  await assert.rejects(asked, /gone/);
  const broken = new Envelope(() => { throw new Error('Cannot send'); });
  await assert.rejects(broken.ask('state'), /gone/);
});

test('events are told by name, strange messages are nothing', () => {
  const envelope = new Envelope(() => undefined);
  assert.equal(envelope.take({ event: 'changed' }), 'changed');
  for (const message of [null, 3, [], { id: 9, result: 1 }, { event: {} }]) {
    assert.equal(envelope.take(message), '');
  }
});

type Kernel = Parameters<typeof answering>[0];
type Comm = Parameters<typeof answering>[1];

test('what is sent waits for the thread that answers while a cell runs', async () => {
  const kernel = { supportsSubshells: true } as Kernel;
  let begin = (): void => undefined;
  const told: string[] = [];
  const started = new Promise<void>(resolve => { begin = resolve; });
  const waiting = answering(kernel, { subshellStarted: started, commsOverSubshells: 'perCommTarget' } as unknown as Comm).then(() => told.push('open'));
  await Promise.resolve();
  told.push('begun');
  begin();
  await waiting;
  assert.deepEqual(told, ['begun', 'open']);
});

test('nothing waits for a thread that never begins', async () => {
  const never = new Promise<void>(() => undefined);
  const refused = Promise.reject(new Error('no more threads'));
  await answering({ supportsSubshells: false } as Kernel, { subshellStarted: never } as unknown as Comm);
  await answering({ supportsSubshells: true } as Kernel, { subshellStarted: never, commsOverSubshells: 'disabled' } as unknown as Comm);
  await answering({ supportsSubshells: true } as Kernel, {} as Comm);
  await answering({ supportsSubshells: true } as Kernel, { subshellStarted: refused } as unknown as Comm);
});

test('the thread of the widgets is kept by a comm that the kernel does not hear of', () => {
  const made: { target: string; isDisposed: boolean; dispose: () => void }[] = [];
  const createComm = (target: string): unknown => {
    const comm = { target, isDisposed: false, dispose: () => { comm.isDisposed = true; } };
    made.push(comm);
    return comm;
  };
  const end = keepForWidgets({ createComm } as unknown as Kernel);
  assert.deepEqual(made.map(each => [each.target, each.isDisposed]), [['jupyter.widget', false]]);
  end();
  end();
  assert.equal(made[0]!.isDisposed, true);
});

test('the panel reads what the protocol describes', () => {
  const page = readFileSync('../docs/lab-protocol.md', 'utf8');
  const example = /Result:\s+```json\n([\s\S]*?)```/.exec(page)![1]!;
  const state = readState(JSON.parse(example));
  assert.deepEqual(names(state), ['bread:1']);
  assert.equal(state.containers[0]!.name, 'fish1');
  const [exec, ...others] = state.containers[0]!.actions;
  assert.equal(exec!.inCell, true);
  assert.ok(others.length > 0 && others.every(action => !action.inCell && action.code.startsWith('%container ')));
  assert.equal(state.tiers.filter(tier => tier.inForce).length, 1);
  assert.equal(state.total, 20481035);
});

test('the panel draws an empty or strange state', () => {
  for (const reply of [null, 1, {}, { images: 3, containers: [null], disk: [], isolation: 'x' }]) {
    assert.equal(readState(reply).images.length, 0);
  }
});

test('the version is that of the package', () => {
  const told = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  assert.equal(VERSION, told.version);
});
