// Finds DuckDB's Node client.
//
// The module is looked up in $TARN_TOOLS/duckdb (see .ci/tools/duckdb.sh), then
// in ~/.cache/tarn-tools/duckdb, then beside this file. Node's import ignores
// NODE_PATH, hence createRequire. Without it the process ends with code 3.

import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

export function loadDuckDB() {
  const places = [
    process.env.TARN_TOOLS && join(process.env.TARN_TOOLS, 'duckdb'),
    join(homedir(), '.cache', 'tarn-tools', 'duckdb'),
    import.meta.dirname,
  ].filter(Boolean);
  for (const place of places) {
    try {
      return createRequire(pathToFileURL(join(place, 'package.json')))('@duckdb/node-api');
    } catch (error) {
      // Only "not there" sends us on; a module that is there but broken must show.
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  console.error(`${basename(process.argv[1])}: @duckdb/node-api is not installed in ${places.join(', ')}: run .ci/tools/duckdb.sh`);
  process.exit(3);
}
