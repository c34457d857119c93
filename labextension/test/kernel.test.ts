import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { Envelope, KernelError } from '../src/kernel/envelope';
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
