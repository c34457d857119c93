import assert from 'node:assert/strict';
import test from 'node:test';
import { heredocFolds } from '../src/editor/folds';
import { explain } from '../src/editor/hover';

function form(marked: string): string {
  const at = marked.indexOf('|');
  const above = marked.slice(0, at).split('\n');
  return explain(marked.replace('|', '').split('\n'), above.length - 1, above[above.length - 1]!.length)?.form ?? '';
}

test('instructions, flags, mounts, bases and the cell itself are explained', () => {
  assert.match(form('%%container\nCO|PY a b'), /^COPY/);
  assert.match(form('%%container\nONBUILD W|ORKDIR /'), /^WORKDIR/);
  assert.match(form('%%container\nCOPY --ch|own=1 a b'), /^--chown/);
  assert.match(form('%%container\nRUN --mount=type=ca|che,target=/x ls'), /^type=cache/);
  assert.match(form('%%container\nFROM localhost/b|ase'), /^FROM localhost/);
  assert.match(form('%%container\nFROM a\n-|--\nls'), /^---/);
  assert.match(form('%%contai|ner run x'), /run/);
  assert.match(form('%%container ru|n x'), /run/);
  assert.match(form('%%container\n# dockma|gic: --rm\nFROM a'), /dockmagic/);
  assert.match(form('%%container\n# esc|ape=`\nFROM a'), /escape/);
  assert.match(form('%%container\nCOPY <<E|OF /a'), /<</);
});

test('words that only look like instructions are not', () => {
  assert.equal(form('%%container\nRUN CO|PY'), '');
  assert.equal(form('%%container run x\nFR|OM a'), '');
  assert.equal(form('%%container\nCOPY <<EOF /a\nRU|N\nEOF'), '');
  assert.equal(form('FR|OM a'), '');
});

test('here-documents fold, those of one instruction as one; what does not end does not fold', () => {
  assert.deepEqual(heredocFolds('%%container\nCOPY <<A <<B /x/\n1\nA\n2\nB\nRUN <<C\nls\nC'.split('\n')),
    [{ header: 1, first: 2, last: 5 }, { header: 6, first: 7, last: 8 }]);
  assert.deepEqual(heredocFolds('%%container\nCOPY <<A /x\n1'.split('\n')), []);
});
