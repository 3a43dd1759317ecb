// lint.mjs FILE: a line for each thing that a linter finds wrong in an OpenAPI document; ends with 1 if there is one.
import {readFileSync} from 'node:fs';
import {createConfig, lintFromString} from '@redocly/openapi-core';

const config = await createConfig({extends: ['recommended']});
const source = readFileSync(process.argv[2], 'utf8');
const problems = await lintFromString({source, absoluteRef: 'openapi.json', config});
for (const problem of problems) {
  console.log(`${problem.severity} ${problem.ruleId}: ${problem.message} at ${problem.location[0]?.pointer}`);
}
process.exitCode = problems.length > 0 ? 1 : 0;
