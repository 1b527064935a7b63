/**
 * What the image is made of, as a CycloneDX 1.6 document. Pure. It bears no time and no serial number, which the
 * specification leaves free, so that the same parts give the same bytes.
 */
import type { NpmPackage } from "./bundle.ts";
import type { DebianPackage } from "./debian.ts";

export interface Ingredients {
  readonly version: string;
  readonly node: { readonly version: string; readonly sha256: string };
  readonly npm: readonly NpmPackage[];
  readonly debian: readonly DebianPackage[];
}

interface Component {
  readonly type: "application" | "container" | "library";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl?: string;
  readonly licenses?: readonly { readonly expression: string }[];
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}

export function sbom({ version, node, npm, debian }: Ingredients): string {
  const components = [nodeComponent(node), ...npm.map(npmComponent), ...debian.map(debianComponent)];
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: component("container", "brindle", version, { licenses: [{ expression: "Apache-2.0" }] }) },
    components: components.sort((a, b) => (a["bom-ref"] < b["bom-ref"] ? -1 : 1)),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function nodeComponent({ version, sha256 }: Ingredients["node"]): Component {
  const purl = `pkg:generic/node@${version}`;
  return component("application", "node", version, { purl, hashes: [{ alg: "SHA-256", content: sha256 }] });
}

function npmComponent({ name, version, license }: NpmPackage): Component {
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return component("library", name, version, { purl, licenses: [{ expression: license }] });
}

/** Its licenses are in its copyright file, which the image holds. */
function debianComponent({ name, version, architecture }: DebianPackage): Component {
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
  return component("library", name, version, { purl });
}

function component(
  type: Component["type"],
  name: string,
  version: string,
  further: Pick<Component, "purl" | "licenses" | "hashes">,
): Component {
  return { type, "bom-ref": further.purl ?? `${name}@${version}`, name, version, ...further };
}
