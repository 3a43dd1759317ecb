// check.mjs DASHBOARD: what TypeScript finds wrong when the dashboard is given to Grafana's own type of one, a line each; ends with
// 1 if there is anything. The types' enums are taken by their values, which is what stands in JSON.
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import ts from 'typescript';

const text = readFileSync(process.argv[2], 'utf8');
const folder = mkdtempSync(join(process.cwd(), 'check-'));
const file = join(folder, 'dashboard.ts');
writeFileSync(file, `import type {Dashboard} from '@grafana/schema';
type Plain<T> = T extends string ? (string extends T ? string : \`\${T}\`) : T extends number ? T
  : T extends (infer U)[] ? Plain<U>[] : T extends object ? {[K in keyof T]: Plain<T[K]>} : T;
export const dashboard: Plain<Dashboard> = ${text};
`);
const program = ts.createProgram([file], {strict: true, noEmit: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler});
const found = ts.getPreEmitDiagnostics(program);
for (const one of found) {
  const line = one.file ? one.file.getLineAndCharacterOfPosition(one.start).line - 2 : 0;
  console.log(`line ${line}: ${ts.flattenDiagnosticMessageText(one.messageText, ' ')}`);
}
rmSync(folder, {recursive: true});
process.exitCode = found.length > 0 ? 1 : 0;
