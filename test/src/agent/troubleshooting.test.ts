/** What an agent can say is wrong, the page for people, and the rights of the manifest: each told in one place, held here. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { agentRights, mistakes, type Rule } from "@brindle/agent";
import { describe, it } from "vitest";
import { parseAllDocuments } from "yaml";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Each right by itself. What is given for some objects by name is asked for where it is used. */
function rights(rules: readonly Rule[]): string[] {
  return rules
    .filter(({ resourceNames = [] }) => resourceNames.length === 0)
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((each) => verbs.map((verb) => `${verb} ${each}.${group}`))),
    )
    .sort();
}

describe("docs/troubleshooting.md", () => {
  it("has a section for each mistake that an agent names, and no others", async () => {
    const page = await readFile(`${root}docs/troubleshooting.md`, "utf8");
    const sections = new Map(
      page
        .split(/^## /m)
        .slice(1)
        .map((section) => [section.split("\n")[0] ?? "", section] as const),
    );
    assert.deepEqual([...sections.keys()], Object.keys(mistakes));
    for (const [code, { words, remedy }] of Object.entries(mistakes)) {
      assert(sections.get(code)?.includes(`\n${words}\n`), `${code}: ${words}`);
      assert(sections.get(code)?.includes(`**What to do:** ${remedy}\n`), `${code}: ${remedy}`);
    }
  });
});

describe("the rights that an agent asks whether it has", () => {
  it("are those of its ClusterRole, and no others", async () => {
    const documents = parseAllDocuments(await readFile(`${root}manifests/rbac/agent.yaml`, "utf8"));
    const role = documents.map((document) => document.toJS()).find(({ kind }) => kind === "ClusterRole");
    assert.deepEqual(rights(agentRights), rights(role.rules));
  });
});
