/**
 * Writes out a kustomization as one file: the documents of its resources, in order, word by word. kustomize itself drops
 * comments, and in what people apply to their clusters the reasons stand beside what they are for.
 */
import { dirname, join } from "node:path";
import { parse } from "yaml";

/** Paths are from the root of the tree. */
export type ReadText = (path: string) => string;

export function renderManifest(kustomization: string, read: ReadText): string {
  const texts = resourcesOf(kustomization, read).map((path) =>
    read(path)
      .replace(/^---\n/, "")
      .trimEnd(),
  );
  return `${[`# Made by \`npm run generate\` of ${kustomization}.`, ...texts].join("\n---\n")}\n`;
}

function resourcesOf(kustomization: string, read: ReadText): string[] {
  const { apiVersion, kind, resources, ...other } = parse(read(kustomization));
  const [field] = Object.keys(other);
  if (field !== undefined) throw new Error(`${kustomization}: ${field} would change what stands in the files`);
  return (resources as string[]).flatMap((resource) => {
    const path = join(dirname(kustomization), resource);
    return path.endsWith(".yaml") ? [path] : resourcesOf(join(path, "kustomization.yaml"), read);
  });
}
