import { selectorOf } from "@brindle/api";
import { describe, expect, it } from "vitest";
import { labelled } from "./cluster.ts";
import { endpointSample, namespaceProfileSample } from "./sampleCluster.ts";
import { inScope, type Scope, scopeKey, scopeSelector } from "./scope.ts";

const namespaces = [namespaceProfileSample("shop", { team: "a" }), namespaceProfileSample("away", { team: "b" })];
const inShop = endpointSample("web", { namespace: "shop", labels: { app: "web", team: "own" }, addresses: [] });
const inAway = endpointSample("web", { namespace: "away", labels: { app: "web" }, addresses: [] });
const bare = endpointSample("db", { namespace: "away", labels: { app: "db" }, addresses: [], profiles: [] });
const { namespace: _, ...ofNoNamespace } = inShop.metadata;
const spoofing = { ...ofNoNamespace, labels: { app: "web", "projectcalico.org/namespace": "shop" } };
const endpoints = [inShop, inAway, bare, { ...inShop, metadata: spoofing }].map((endpoint) =>
  labelled(endpoint, (name) => namespaces.find(({ metadata }) => metadata.name === name)),
);

const scopes: Scope[] = [null, "shop", "away"].flatMap((namespace) =>
  [null, "global" as const, selectorOf("team == 'a'"), selectorOf("!has(team)"), selectorOf("all()")].flatMap(
    (namespaceSelector) =>
      [null, selectorOf("app == 'web'"), selectorOf("team != 'own' || app == 'db'")].map((selector) => ({
        namespace,
        namespaceSelector,
        selector,
      })),
  ),
);

describe("a scope as one selector", () => {
  it.each(scopes.map((scope) => [scopeKey(scope), scope] as const))("matches what is in it: %s", (_key, scope) => {
    const selector = scopeSelector(scope);
    expect(endpoints.map(({ labels }) => selector.matches(labels))).toEqual(
      endpoints.map((one) => inScope(scope, one)),
    );
  });

  it("tells endpoints apart, as this table does", () => {
    expect(new Set(scopes.map((scope) => String(endpoints.map((one) => inScope(scope, one))))).size).toBeGreaterThan(6);
  });
});
