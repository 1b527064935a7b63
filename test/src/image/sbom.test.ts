import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type Ingredients, sbom } from "./sbom.ts";

const npm = (name: string) => ({ name, version: "1.2.3", license: "MIT", folder: `node_modules/${name}` });
const ingredients: Ingredients = {
  version: "0.1.0",
  node: { version: "26.0.0", sha256: "ab" },
  npm: [npm("etcd3"), npm("@grpc/grpc-js")],
  debian: [{ name: "conntrack", version: "1:1.4.7-1+b2", architecture: "amd64" }],
};

describe("the list of parts", () => {
  it("names each part as the package URL specification does, scopes and epochs among them", () => {
    const { components } = JSON.parse(sbom(ingredients)) as { components: readonly { purl: string }[] };
    assert.deepEqual(
      components.map(({ purl }) => purl),
      [
        "pkg:deb/debian/conntrack@1%3A1.4.7-1%2Bb2?arch=amd64",
        "pkg:generic/node@26.0.0",
        "pkg:npm/%40grpc/grpc-js@1.2.3",
        "pkg:npm/etcd3@1.2.3",
      ],
    );
  });

  it("is the same whatever the order in which the parts were found", () => {
    assert.equal(sbom({ ...ingredients, npm: ingredients.npm.toReversed() }), sbom(ingredients));
  });
});
