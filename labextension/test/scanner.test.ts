import assert from 'node:assert/strict';
import test from 'node:test';
import { scan } from '../src/text/scanner';

const kinds = (text: string): string => scan(text.split('\n')).map(({ step }) => step.kind).join(' ');
const languages = (text: string): (string | null)[] => scan(text.split('\n')).map(({ step }) => step.language);

test('a cell of the one-cell form is magic line, Dockerfile, separator, script', () => {
  assert.equal(kinds('%%container -t x\nFROM a\nRUN b\n---\necho\n'), 'magic instruction instruction separator script script');
});

test('a cell without the magic line is none of ours', () => {
  assert.equal(kinds('FROM a\nRUN b'), 'other other');
  assert.equal(kinds('%%containers\nFROM a'), 'other other');
  assert.equal(kinds('\n%%container\nFROM a'), 'other other other');
});

test('option lines stand among the comments at the top only', () => {
  const text = '%%container\n# dockmagic: -m 1g\n# note\n# dockmagic: --rm\nFROM a\n# dockmagic: -x';
  assert.equal(kinds(text), 'magic options comment options instruction comment');
});

test('directives count before anything else, option lines aside', () => {
  assert.equal(kinds('%%container\n# dockmagic: --rm\n# syntax=a\n# escape=`\n# no\n# check=skip=all\nFROM a'),
    'magic options directive directive comment comment instruction');
});

test('a separator inside a here-document is its content', () => {
  assert.equal(kinds('%%container\nCOPY <<EOF /a\n---\nEOF\n---\nls'), 'magic instruction heredoc delimiter separator script');
});

test('build and check have no script', () => {
  assert.equal(kinds('%%container build\nFROM a\n---\nRUN b'), 'magic instruction instruction instruction');
  assert.equal(kinds('%%container check\nFROM a'), 'magic instruction');
});

test('run and exec have nothing but a script', () => {
  assert.equal(kinds('%%container run bread:1\nFROM a\n---'), 'magic script script');
  assert.equal(kinds('%%container exec fish1\n# dockmagic: -w /\nls'), 'magic options script');
});

test('a continued instruction goes on over comments and empty lines', () => {
  assert.equal(kinds('%%container\nRUN a \\\n# why\n\n  b\nCMD c'), 'magic instruction comment blank continuation instruction');
});

test('the escape directive changes what continues a line', () => {
  assert.equal(kinds('%%container\n# escape=`\nRUN a `\nb\nRUN c \\\nCMD d'), 'magic directive instruction continuation instruction instruction');
});

test('bodies of several here-documents follow each other', () => {
  assert.equal(kinds("%%container\nCOPY <<A <<'B' /x/\n1\nA\n2\nB\nRUN c"), 'magic instruction heredoc delimiter heredoc delimiter instruction');
});

test('a dash before the delimiter drops tabs before it', () => {
  assert.equal(kinds('%%container\nRUN <<-EOF\n\techo\n\tEOF\nRUN b'), 'magic instruction heredoc delimiter instruction');
  assert.equal(kinds('%%container\nRUN <<EOF\n\tEOF\nEOF'), 'magic instruction heredoc delimiter');
});

test('only RUN, COPY and ADD have here-documents', () => {
  assert.equal(kinds('%%container\nENV A=<<B\nRUN c'), 'magic instruction instruction');
  assert.equal(kinds('%%container\nONBUILD RUN <<B\nx\nB'), 'magic instruction heredoc delimiter');
});

test('a script is in the language of its first line, of --interp, else sh', () => {
  assert.equal(languages('%%container run x\n#!/usr/bin/env -S python3 -u\nprint(1)')[2], 'python');
  assert.equal(languages('%%container run x --interp "python3 -u"\nprint(1)')[1], 'python');
  assert.equal(languages('%%container run x --interp=node\n1')[1], 'javascript');
  assert.equal(languages('%%container run x\n# dockmagic: --interp awk\nBEGIN {}')[2], 'awk');
  assert.equal(languages('%%container run x\nls')[1], 'sh');
  assert.equal(languages('%%container\nFROM a\n---\n#!/usr/bin/awk -f\n{ print }')[4], 'awk');
  assert.equal(languages('%%container run x --interp frobnicate\nls')[1], 'plain');
});

test('what the magic line says of the interpreter goes before option lines', () => {
  assert.equal(languages('%%container run x --interp perl\n# dockmagic: --interp python3\n1')[2], 'perl');
});

test('a here-document is in the language of its command or of its file', () => {
  assert.equal(languages('%%container\nRUN <<EOF\nls\nEOF')[2], 'sh');
  assert.equal(languages('%%container\nRUN python3 <<EOF\nprint(1)\nEOF')[2], 'python');
  assert.equal(languages('%%container\nRUN <<EOF\n#!/usr/bin/env python3\nEOF')[2], 'python');
  assert.equal(languages('%%container\nCOPY <<EOF /app/main.py\nx = 1\nEOF')[2], 'python');
  assert.equal(languages('%%container\nCOPY <<run.sh /app/\nls\nrun.sh')[2], 'sh');
  assert.equal(languages('%%container\nCOPY <<EOF /etc/motd\nhi\nEOF')[2], 'plain');
});
