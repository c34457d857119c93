import assert from 'node:assert/strict';
import test from 'node:test';
import { StringStream } from '@codemirror/language';
import { cellParser } from '../src/editor/language';

/** Each token with its name: `keyword:FROM`. */
function tokens(text: string): string[][] {
  let state = cellParser.startState!(4);
  return text.split('\n').map(line => {
    const found: string[] = [];
    state = cellParser.copyState!(state);
    if (!line) {
      cellParser.blankLine!(state, 4);
      return found;
    }
    const stream = new StringStream(line, 4, 4);
    while (!stream.eol()) {
      stream.start = stream.pos;
      const style = cellParser.token(stream, state);
      assert.ok(stream.pos > stream.start, `no progress in ${JSON.stringify(line)} at ${stream.pos}`);
      if (style) {
        found.push(`${style}:${stream.current()}`);
      }
    }
    return found;
  });
}

test('the magic line shows verb, options, values and braces', () => {
  assert.deepEqual(tokens('%%container run --name fish1 bread:{n}')[0],
    ['meta:%%container', 'keyword:run', 'attributeName:--name', 'string:fish1', 'string:bread:', 'variableName.special:{n}']);
});

test('an image named like a verb is no verb when it stands later', () => {
  assert.deepEqual(tokens('%%container run run')[0], ['meta:%%container', 'keyword:run', 'string:run']);
});

test('instructions, stages and flags', () => {
  const [, from, copy] = tokens('%%container\nFROM --platform=linux/arm64 a AS b\nCOPY --from=b --chown=1:1 x y');
  assert.deepEqual(from, ['keyword:FROM', 'attributeName:--platform', 'operator:=', 'string:linux/arm64', 'keyword:AS']);
  assert.deepEqual(copy, ['keyword:COPY', 'attributeName:--from', 'operator:=', 'string:b', 'attributeName:--chown', 'operator:=', 'string:1:1']);
});

test('variables and pairs', () => {
  const [, env, workdir] = tokens('%%container\nENV A="x y" B=$A\nWORKDIR /${A:-b}/c');
  assert.deepEqual(env, ['keyword:ENV', 'propertyName:A', 'operator:=', 'string:"x y"', 'propertyName:B', 'operator:=', 'variableName.special:$A']);
  assert.deepEqual(workdir, ['keyword:WORKDIR', 'variableName.special:${A:-b}']);
});

test('the shell form is a shell\'s text, also where it is continued', () => {
  const [, run, more] = tokens('%%container\nRUN if true; then \\\n  echo "$HOME"; fi');
  assert.deepEqual(run!.slice(0, 2), ['keyword:RUN', 'keyword:if']);
  assert.ok(more!.includes('keyword:fi'));
});

test('the list form is strings', () => {
  assert.deepEqual(tokens('%%container\nCMD ["a", "b c"]')[1], ['keyword:CMD', 'bracket:[', 'string:"a"', 'string:"b c"', 'bracket:]']);
});

test('here-documents: marker, body by language, delimiter', () => {
  const [, copy, body, end] = tokens('%%container\nCOPY <<EOF /a.py\ndef f(): pass\nEOF');
  assert.deepEqual(copy, ['keyword:COPY', 'labelName:<<EOF']);
  assert.equal(body![0], 'keyword:def');
  assert.deepEqual(end, ['labelName:EOF']);
});

test('here-documents of RUN, also behind a command', () => {
  const [, run, body, end] = tokens("%%container\nRUN python3 <<'EOF' && ls\nimport os\nEOF");
  assert.ok(run!.includes("labelName:<<'EOF'"));
  assert.deepEqual(body, ['keyword:import', 'variable:os']);
  assert.deepEqual(end, ['labelName:EOF']);
});

test('the body of a quoted here-document shows no variables', () => {
  assert.deepEqual(tokens('%%container\nCOPY <<"EOF" /a\n$x\nEOF')[2], ['string:$', 'string:x']);
  assert.deepEqual(tokens('%%container\nCOPY <<EOF /a\n$x\nEOF')[2], ['variableName.special:$x']);
});

test('the script after the separator is in its own language', () => {
  const lines = tokens('%%container\nFROM a\n---\n#!/usr/bin/env python3\nimport os\n\ndef f():\n  return None');
  assert.deepEqual(lines[2], ['meta:---']);
  assert.equal(lines[4]![0], 'keyword:import');
  assert.equal(lines[6]![0], 'keyword:def');
});

test('awk: rules, fields and regular expressions', () => {
  const [, body] = tokens('%%container run x --interp awk\n/red/ { print $1 / 2, length("a") }');
  assert.deepEqual(body, ['string.special:/red/', 'keyword:print', 'variableName.special:$1', 'operator:/', 'number:2', 'builtin:length', 'string:"a"']);
});

test('an instruction that is no word is marked', () => {
  assert.equal(tokens('%%container\n<script>')[1]![0], 'invalid:<script>');
});

test('every character of odd lines is taken once', () => {
  for (const line of ['"', "'", '$', '${', '=', '==', '<<', '<< ', '\\', '--', '[', '{', '}', '{{', '\u202e', '\u0000', '`', '%%', '<<"']) {
    for (const lead of ['%%container ', '%%container\n', '%%container\nRUN ', '%%container\nENV ', '%%container\nCOPY --x', '%%container\nCMD [', '%%container\nFROM a\n---\n', '%%container\nHEALTHCHECK ', '%%container run x --interp awk\n']) {
      tokens(lead + line);
      tokens(`${lead}${line} ${line}\n${line}`);
    }
  }
});
