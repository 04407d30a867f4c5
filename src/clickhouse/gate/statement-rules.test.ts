import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refuseStatement } from './statement-rules.ts'

const code = (canonical: string, params: readonly string[] = []) =>
  refuseStatement(canonical, params)?.code

test('statements that read pass', () => {
  for (const sql of [
    'SELECT 1',
    'WITH 1 AS x SELECT x FORMAT JSON',
    '(SELECT 1) UNION ALL (SELECT 2)',
    'EXPLAIN SELECT count() FROM t',
    'EXPLAIN AST SELECT file(1)',
    'DESCRIBE TABLE t',
    'SHOW TABLES',
    'EXISTS TABLE t',
    "SELECT 'file(x)', t.file, `a'file('` FROM t",
  ]) {
    assert.equal(code(sql), undefined, sql)
  }
})

test('other statements have the answer that the engine gives', () => {
  assert.equal(code('INSERT INTO t FORMAT Values'), 497)
  assert.equal(code('KILL QUERY WHERE 1'), 497)
  assert.equal(code('SET readonly = 0'), 164)
  assert.equal(code('SET ROLE admin'), 511)
  assert.equal(code('EXECUTE AS admin SELECT 1'), 344)
  assert.equal(code("SELECT 1 INTO OUTFILE 'x'"), 358)
  assert.equal(code('`SELECT` 1'), 497)
})

test('a function that no grant covers is refused wherever its name stands', () => {
  for (const sql of [
    "SELECT file('x')",
    "SELECT `file`('x')",
    'SELECT "\\x66ile"(1)',
    'SELECT * APPLY file',
    "SELECT arrayMap(file, ['x'])",
    'SELECT x -> file(x)',
    "SELECT * FROM view(SELECT file('x'))",
    "SELECT t.file('x')",
  ]) {
    assert.equal(code(sql), 76, sql)
  }
  assert.equal(code("SELECT * FROM file('x')"), 497)
  assert.equal(code("SELECT AIGenerate('x')"), 497)
  assert.equal(code('SELECT CatBoostEvaluate(1)'), 497)
})

test('a parameter that becomes a name may not be a refused one', () => {
  const sql = 'SELECT arrayMap({f:Identifier}, [1])'
  assert.equal(code(sql, ['toString']), undefined)
  assert.equal(code(sql, ['file']), 497)
  assert.equal(code(sql, ['\\x66ile']), 497)
  assert.equal(code('SELECT {f:String}', ['file']), undefined)
})
