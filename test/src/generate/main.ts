/** `npm run generate`: writes what follows from the declarations, and removes what does no longer. */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crdFolder, generatedFiles } from "./files.ts";

const root = join(import.meta.dirname, "../../..");
const files = generatedFiles();

for (const [path, text] of files) {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}
for (const name of await readdir(join(root, crdFolder))) {
  if (!files.has(`${crdFolder}/${name}`)) await rm(join(root, crdFolder, name));
}
console.log(`${files.size} files are as the declarations say`);
