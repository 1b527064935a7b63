import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { etcdAgent } from "./etcdAgent.ts";
import { renderManifest } from "./manifest.ts";

const root = join(import.meta.dirname, "../../..");
const files: Readonly<Record<string, string>> = {
  "m/all/kustomization.yaml": "resources: [../base, last.yaml]",
  "m/all/last.yaml": "kind: C # the last",
  "m/base/kustomization.yaml": "resources:\n- a.yaml\n- b.yaml",
  "m/base/a.yaml": "---\nkind: A\n---\nkind: A2\n",
  "m/base/b.yaml": "# why\nkind: B\n",
  "m/patched/kustomization.yaml": "resources: [../base]\npatches: []",
};
const read = (path: string): string => files[path] ?? assert.fail(`no ${path}`);

describe("a kustomization written out", () => {
  it("has the documents of all its resources in their order, comments and all", () => {
    const text = renderManifest("m/all/kustomization.yaml", read);
    assert.match(text, /^# Made by .*m\/all\/kustomization\.yaml\.\n---\n/);
    assert.equal(
      text.slice(text.indexOf("---")),
      "---\nkind: A\n---\nkind: A2\n---\n# why\nkind: B\n---\nkind: C # the last\n",
    );
  });

  it("is refused where kustomize would change what stands in the files", () => {
    assert.throws(() => renderManifest("m/patched/kustomization.yaml", read), /m\/patched.*: patches would change/);
  });
});

describe.each(["brindle.yaml", "brindle-etcd.yaml"])("manifests/%s", (file) => {
  const objects = parseAllDocuments(readFileSync(join(root, "manifests", file), "utf8"))
    .map((document) => document.toJS())
    .filter((object) => object !== null);

  it("runs the image that npm run image makes of this version", () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const images = [...JSON.stringify(objects).matchAll(/"image":"([^"]*)"/g)].map(([, image]) => image);
    assert.deepEqual(new Set(images), new Set([`localhost/brindle:${version}`]));
  });

  it("has no object twice, and its namespace before all else", () => {
    const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`);
    assert.equal(new Set(names).size, names.length);
    assert.equal(names[0], "Namespace /brindle-system");
  });
});

describe("manifests/brindle-etcd.yaml", () => {
  it("brings no CRD, which would be taken away with what people stored, and is wrong of no kind of datastore", () => {
    const text = readFileSync(join(root, "manifests/brindle-etcd.yaml"), "utf8");
    assert.doesNotMatch(text, /kind: CustomResourceDefinition|value: kubernetes\b/);
  });
});

describe("the agent's DaemonSet for etcd", () => {
  it("is refused where a line that it changes is not there any more", () => {
    assert.throws(() => etcdAgent("kind: DaemonSet\n"), /has 0 times: # The agent of every node/);
  });
});

describe("manifests/10-brindle.conflist", () => {
  it("lets runtimes ask for no STATUS, since a node would count as without a network while its agent is replaced", () => {
    const { cniVersion } = JSON.parse(readFileSync(join(root, "manifests/10-brindle.conflist"), "utf8"));
    assert.equal(cniVersion, "1.0.0");
  });
});
