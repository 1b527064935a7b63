import { isNode, isTest, lineAt, type Source, walk } from "./source.ts";

const fileLinesMax = 400;
const functionLinesMax = 70;

/** Long files and functions, default exports, notes to oneself. */
export function shapeFaults(source: Source, isTable: boolean): string[] {
  return [
    ...noteFaults(source),
    ...defaultExportFaults(source),
    ...(isTest(source) ? [] : sizeFaults(source, isTable)),
  ];
}

function sizeFaults(source: Source, isTable: boolean): string[] {
  const faults: string[] = [];
  const lines = source.text.trimEnd().split("\n").length;
  if (lines > fileLinesMax && !isTable) faults.push(`${source.path}: ${lines} lines, at most ${fileLinesMax}`);
  walk(source.tree, (node) => {
    if (!/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) return;
    const first = lineAt(source, node.start);
    const length = lineAt(source, node.end) - first + 1;
    if (length > functionLinesMax) {
      faults.push(`${source.path}:${first}: a function of ${length} lines, at most ${functionLinesMax}`);
    }
  });
  return faults;
}

function defaultExportFaults(source: Source): string[] {
  const faults: string[] = [];
  walk(source.tree, (node) => {
    const isNamedDefault = node.type === "ExportSpecifier" && isNode(node.exported) && node.exported.name === "default";
    if (node.type === "ExportDefaultDeclaration" || isNamedDefault)
      faults.push(`${source.path}: a default export has no name of its own`);
  });
  return faults;
}

/** `tidy` itself speaks of these words. */
function noteFaults({ path, text }: Source): string[] {
  if (path.startsWith("test/src/tidy/")) return [];
  return text.split("\n").flatMap((line, index) => {
    if (/\bFIXME\b/.test(line)) return [`${path}:${index + 1}: FIXME is for work that is not committed yet`];
    if (/\bTODO\b(?! ?\(?#\d)/.test(line)) return [`${path}:${index + 1}: TODO needs its issue: TODO #12`];
    return [];
  });
}
