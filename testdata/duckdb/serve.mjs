// Runs SQL in one in-memory DuckDB for as long as its standard input is open.
//
//   node serve.mjs [THREADS]
//
// Each line of input is a request, {"sql": TEXT} with an optional "runs", and is
// answered, in order, by a line with either
//
//   {"names": [...], "rows": [[...], ...], "ms": [...]}     or     {"error": TEXT}
//
// "ms" has the time of each run. With "runs" the statement is run that often, and
// only the last run's rows are sent; a run's time ends when all of its rows are in
// this process.
//
// A cell is null, or a text that starts with the letter of its kind and holds the
// exact value: i for integers, f for floats, b for booleans, s for texts, t for
// timestamps as nanoseconds since 1970, and ? for all else.
//
// load.mjs says where the module is looked up.

import { createInterface } from 'node:readline';

import { loadDuckDB } from './load.mjs';

function cell(value, type) {
  if (value === null) return null;
  switch (typeof value) {
    case 'bigint':
      return `i${value}`;
    case 'boolean':
      return `b${value}`;
    case 'string':
      return `s${value}`;
    case 'number':
      return type === 'DOUBLE' || type === 'FLOAT' ? `f${value}` : `i${value}`;
  }
  switch (type) {
    case 'TIMESTAMP_NS':
      return `t${value.nanos}`;
    case 'TIMESTAMP':
    case 'TIMESTAMP WITH TIME ZONE':
      return `t${value.micros * 1000n}`;
    case 'DATE':
      return `t${BigInt(value.days) * 86400000000000n}`;
  }
  return `?${value}`;
}

async function answer(connection, { sql, runs }) {
  const ms = [];
  let reader;
  for (let i = 0; i < (runs ?? 1); i++) {
    const start = performance.now();
    reader = await connection.runAndReadAll(sql);
    ms.push(performance.now() - start);
  }
  const types = reader.columnTypes().map(String);
  const rows = reader.getRows().map((row) => row.map((value, i) => cell(value, types[i])));
  return { names: reader.columnNames(), rows, ms };
}

const { DuckDBInstance } = loadDuckDB();
const instance = await DuckDBInstance.create(':memory:', { threads: process.argv[2] ?? '1' });
const connection = await instance.connect();
// Answers must not depend on the machine's zone.
await connection.run("SET TimeZone = 'UTC'");

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  let response;
  try {
    response = await answer(connection, JSON.parse(line));
  } catch (error) {
    response = { error: String(error.message ?? error) };
  }
  process.stdout.write(JSON.stringify(response) + '\n');
}
