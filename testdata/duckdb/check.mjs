// Runs one SQL text in an in-memory DuckDB and prints each row as a line of JSON.
//
//   node check.mjs [--types] SQL [PARQUET-GLOB...]
//
// With globs, the Parquet files they match are the view `t` (columns matched by
// name, so files of one table with different columns may be mixed). Without, the
// SQL says itself what it reads: SELECT count(*) FROM 'dir/*.parquet'.
//
// With --types the first line is an object of column name -> DuckDB type.
//
// 64-bit integers, decimals and timestamps are printed as strings wherever a
// JSON number would lose digits; see plain() below. NULL is null. A failure
// prints one line on standard error and exits 1; no DuckDB here exits 3.
//
// load.mjs says where the module is looked up.

import { loadDuckDB } from './load.mjs';

const usage = 'usage: node check.mjs [--types] SQL [PARQUET-GLOB...]';

// plain turns a DuckDB value into what JSON can carry exactly: integers within
// 2^53 and finite floats stay numbers; everything else that JSON has no exact
// form for becomes DuckDB's own text.
function plain(value) {
  switch (typeof value) {
    case 'bigint':
      return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value.toString();
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'object':
      if (value === null) return null;
      if (Array.isArray(value?.items)) return value.items.map(plain);
      return String(value);
    default:
      return value;
  }
}

const quote = (text) => `'${text.replaceAll("'", "''")}'`;

async function main(args) {
  const types = args[0] === '--types';
  const [sql, ...globs] = types ? args.slice(1) : args;
  if (!sql) {
    console.error(usage);
    process.exit(2);
  }
  const { DuckDBInstance } = loadDuckDB();
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  // Answers must not depend on the machine's zone, nor a test on its core count.
  await connection.run("SET TimeZone = 'UTC'; SET threads = 1");
  if (globs.length > 0) {
    const list = globs.map(quote).join(', ');
    await connection.run(`CREATE VIEW t AS SELECT * FROM read_parquet([${list}], union_by_name = true)`);
  }
  const reader = await connection.runAndReadAll(sql);
  const names = reader.deduplicatedColumnNames();
  const lines = [];
  if (types) {
    lines.push(Object.fromEntries(names.map((name, i) => [name, reader.columnTypes()[i].toString()])));
  }
  for (const row of reader.getRows()) {
    lines.push(Object.fromEntries(names.map((name, i) => [name, plain(row[i])])));
  }
  process.stdout.write(lines.map((line) => JSON.stringify(line) + '\n').join(''));
  connection.closeSync();
  instance.closeSync();
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`check.mjs: ${String(error.message ?? error).split('\n')[0]}`);
  process.exit(1);
});
