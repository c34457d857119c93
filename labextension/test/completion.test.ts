import assert from 'node:assert/strict';
import test from 'node:test';
import { complete } from '../src/editor/completion';

/** Labels at the `|` of a text. */
function labels(marked: string, images: string[] = []): string[] {
  const offset = marked.indexOf('|');
  const { items, start, end } = complete(marked.replace('|', ''), offset, images);
  assert.ok(start <= offset && end === offset);
  return items.map(item => item.label);
}

test('instructions at the start of a line, in the case that is typed', () => {
  assert.deepEqual(labels('%%container\nFROM a\nCO|'), ['COPY']);
  assert.deepEqual(labels('%%container\nFROM a\nen|'), ['env', 'entrypoint']);
  assert.equal(labels('%%container\n|').length, 18);
});

test('each instruction comes with its documentation', () => {
  const { items } = complete('%%container\nCOP', 15);
  assert.match(items[0]!.documentation, /^COPY source/);
});

test('flags of the instruction, before its operands only', () => {
  assert.deepEqual(labels('%%container\nCOPY --ch|'), ['--chown', '--chmod']);
  assert.deepEqual(labels('%%container\nRUN ls --m|'), []);
  assert.deepEqual(labels('%%container\nHEALTHCHECK --start|'), ['--start-period', '--start-interval']);
});

test('bases, stages above and images after FROM', () => {
  assert.deepEqual(labels('%%container\nFROM x AS oven\nFROM |', ['bread:1']), ['oven', 'localhost/base', 'localhost/python', 'scratch', 'bread:1']);
  assert.deepEqual(labels('%%container\nFROM x AS oven\nCOPY --from=o|'), ['oven']);
});

test('variables that are declared above', () => {
  assert.deepEqual(labels('%%container\nARG WHO=you\nENV OVEN=hot\nRUN echo ${|'), ['WHO', 'OVEN']);
  assert.deepEqual(labels('%%container\nARG WHO\nRUN echo $W|'), ['WHO']);
});

test('kinds of mounts', () => {
  assert.deepEqual(labels('%%container\nRUN --mount=type=|').sort(), ['bind', 'cache', 'secret', 'ssh', 'tmpfs']);
});

test('verbs on the magic line', () => {
  assert.deepEqual(labels('%%container r|'), ['run']);
});

test('nothing in scripts, here-documents, comments and other cells', () => {
  for (const text of ['%%container run x\nF|', '%%container\nFROM a\n---\nF|', '%%container\nCOPY <<EOF /a\nF|\nEOF', '%%container\n# F|', 'F|', '%%container\nRUN a \\\n  F|']) {
    assert.deepEqual(labels(text), [], text);
  }
});

test('instructions after ONBUILD', () => {
  assert.deepEqual(labels('%%container\nONBUILD WO|'), ['WORKDIR']);
});
