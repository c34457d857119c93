import assert from 'node:assert/strict';
import test from 'node:test';
import { readKey, readRecord } from '../src/record/model';
import { drawn } from '../src/record/stack';
import { finePrint, imageLine, keepTail, numbers, pathNote, shown, spent, verdict } from '../src/record/words';
import { counted, decimalSize, edgeHeight } from '../src/text/amounts';
import { visible } from '../src/text/visible';

const RUN = {
  schema: 1,
  kind: 'run',
  verdict: 'exit 0',
  exit_code: 0,
  changes: [['A', '/note'], ['D', '/filling']],
  changed: { A: 1, C: 0, D: 1 },
  image: {
    tags: ['bread:1'],
    totals: { layers: 2, files: 1, size: 9, made_by_host: 1, made_by_run: 0 },
    layers: [
      { instruction: 'FROM localhost/base', read_only: true, made_by: 'host' },
      { instruction: 'COPY <<EOF /filling', read_only: true, files: 1, size: 9 }
    ],
    settings: [{ kind: 'setting', instruction: 'ENV OVEN=hot', above: 2 }]
  }
};
const METADATA = {
  key: 'k1',
  ms: 1834,
  container: { id: 'c1', size_rw: 6 },
  isolation: { tier: 'T1', notes: ['no cgroup'] },
  paths: [[6, ''], [9, '']],
  image: { id: 'sha256:1', size: 20480009, layers: [{ size: 20480000, files: 400 }, { size: 9, files: 1 }] }
};

test('a record without metadata says no number that it does not know', () => {
  const record = readRecord(RUN, undefined);
  assert.equal(verdict(record), '✓ exit 0');
  assert.deepEqual(record.lines.map(line => line.instruction), ['ENV OVEN=hot', 'COPY <<EOF /filling', 'FROM localhost/base']);
  assert.deepEqual(numbers(record.lines[2]!), ['', 'made from this machine']);
  assert.equal(imageLine(record, record.totals!), '2 read-only layers, 9 B + base');
  assert.equal(spent(record), '');
});

test('the metadata adds time, sizes, tier and notes', () => {
  const record = readRecord(RUN, METADATA);
  assert.equal(spent(record), 'ran 1.8 s');
  assert.deepEqual(numbers(record.lines[2]!), ['400 files', '20.5 MB']);
  assert.equal(imageLine(record, record.totals!), '2 read-only layers, 20.5 MB');
  assert.deepEqual(record.changes!.paths.map(pathNote), ['6 B', '−9 B']);
  assert.equal(record.changes!.size, 6);
  assert.match(finePrint(record), /^isolation: T1/);
  assert.deepEqual(record.notes, ['no cgroup']);
  assert.deepEqual(readKey(METADATA), { key: 'k1', container: 'c1', image: 'sha256:1' });
});

test('metadata of other layers is not mixed in', () => {
  const record = readRecord(RUN, { ...METADATA, image: { layers: [{ size: 1 }] } });
  assert.deepEqual(numbers(record.lines[2]!), ['', 'made from this machine']);
});

test('a failed build lists what is done, what failed and what was not run, last first', () => {
  const record = readRecord({
    kind: 'build', verdict: 'failed in line 3', exit_code: 2,
    rows: [
      { kind: 'from', line: 1, instruction: 'FROM a' },
      { kind: 'layer', line: 2, instruction: 'COPY a b', layer: { instruction: 'COPY a b', files: 1, size: 2 } },
      { kind: 'failed', line: 3, instruction: 'RUN exit 2' },
      { kind: 'not run', line: 4, instruction: 'CMD x' }
    ]
  }, { steps: [{ cached: true }, { cached: false }], log_tail: ['boom'] });
  assert.equal(record.mark, 'bad');
  assert.deepEqual(record.lines.map(line => line.kind), ['not run', 'failed', 'layer', 'from']);
  assert.deepEqual(record.log, ['boom']);
  assert.equal(spent(record), '1 of 2 steps from the cache');
});

test('many layers fold, many settings are told as a number', () => {
  const layers = Array.from({ length: 20 }, (_, index) => ({ instruction: `RUN ${index}`, files: 1, size: index === 7 ? 500 : 1 }));
  const settings = Array.from({ length: 9 }, () => ({ kind: 'setting', instruction: 'ENV a=b', above: 20 }));
  const lines = drawn(readRecord({ kind: 'image', image: { layers, settings } }, {}).lines);
  assert.deepEqual(lines.map(line => line.kind), ['group', 'layer', 'layer', 'fold', 'layer', 'fold', 'layer']);
  assert.deepEqual(lines.flatMap(line => (line.kind === 'fold' ? [line.totals.layers] : [])), [10, 6]);
});

test('of many paths some are drawn and the rest is counted', () => {
  const changes = Array.from({ length: 200 }, (_, index) => ['A', `/${index}`]);
  const [paths, more] = shown(readRecord({ kind: 'run', changes, changed: { A: 5000, C: 0, D: 0 } }, {}).changes!);
  assert.equal(paths.length, 8);
  assert.equal(more, 4992);
});

test('nonsense is drawn as nothing', () => {
  for (const data of [null, 1, 'x', [], [[]], { image: 1 }, { image: { layers: {} } }, { changes: [1, ['X', '/a'], ['A', {}]] }, { rows: [null, 3] }, { layer: 'x' }]) {
    const record = readRecord(data, data);
    drawn(record.lines);
    assert.equal(typeof verdict(record), 'string');
  }
  assert.equal(readKey({ key: 5 }), null);
});

test('what cannot be seen is spelled out', () => {
  assert.equal(visible('a\u202eb\u0000\n\x1b[31m\u200b\ufeff\u{e0001}é한글'), 'a\\u202eb\\x00\\n\\x1b[31m\\u200b\\ufeff\\U000e0001é한글');
  assert.equal(visible('\ud800x'), '\\ud800x');
  const record = readRecord({ kind: 'run', verdict: 'exit 0\u202e', changes: [['A', '/\x1b[2J']] }, {});
  assert.equal(record.verdict, 'exit 0\\u202e');
  assert.equal(record.changes!.paths[0]!.path, '/\\x1b[2J');
});

test('numbers and sizes are printed as in the stored record', () => {
  assert.deepEqual([0, 84, 999, 1000, 3100, 38_600_000, 99_950, 155_000_000, 999_500, 1e15].map(decimalSize),
    ['0 B', '84 B', '999 B', '1.0 kB', '3.1 kB', '38.6 MB', '100 kB', '155 MB', '1.0 MB', '1.0 PB']);
  assert.equal(counted(2310, 'file'), '2,310 files');
  assert.deepEqual([0, 1, 1_000_000, 100_000_000, 1e12].map(size => edgeHeight(size, 1.7)), [0, 1, 1.7, 7.8, 17.1]);
  assert.equal(keepTail('/usr/share/doc/index.html', 16), '…/doc/index.html');
});
