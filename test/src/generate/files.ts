/** The files of the repository that follow from the declarations of `api`, by their paths from its root. */
import { crdKinds, customResourceDefinition, resourceReference } from "@brindle/api";
import { stringify } from "yaml";

export const crdFolder = "manifests/crds";

export function generatedFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>([["docs/resources.md", resourceReference()]]);
  for (const definition of crdKinds) {
    const [group] = definition.apiVersion.split("/");
    files.set(`${crdFolder}/${group}_${definition.plural}.yaml`, crdText(customResourceDefinition(definition)));
  }
  return files;
}

/** Equal parts are written out: kubectl takes no anchors in what it sends on. */
function crdText(definition: object): string {
  return `# Made by \`npm run generate\` of the declarations in api/src/kinds.\n${stringify(definition, { lineWidth: 120, aliasDuplicateObjects: false })}`;
}
