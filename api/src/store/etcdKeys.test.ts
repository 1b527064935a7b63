import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { etcdKey, etcdPrefixes, parseEtcdKey } from "./etcdKeys.ts";
import type { Key, Kind, Scope } from "./store.ts";

const ipam = "/calico/ipam/v2";
const resources = "/calico/resources/v3/projectcalico.org";

const keys: { key: Key; text: string }[] = [
  { key: { kind: "Node", name: "node1" }, text: `${resources}/nodes/node1` },
  {
    key: { kind: "NetworkPolicy", namespace: "prod", name: "allow-db" },
    text: `${resources}/networkpolicies/prod/allow-db`,
  },
  { key: { kind: "IPAMBlock", name: "10.0.0.0/26" }, text: `${ipam}/assignment/ipv4/block/10.0.0.0-26` },
  { key: { kind: "IPAMBlock", name: "fd00:10::/122" }, text: `${ipam}/assignment/ipv6/block/fd00:10::-122` },
  {
    key: { kind: "BlockAffinity", name: "host:node-1/10.0.0.0/26" },
    text: `${ipam}/host/node-1/ipv4/block/10.0.0.0-26`,
  },
  {
    key: { kind: "BlockAffinity", name: "host:node1/fd00::/122" },
    text: `${ipam}/host/node1/ipv6/block/fd00::-122`,
  },
  {
    key: { kind: "BlockAffinity", name: "virtual:load-balancer/10.30.0.0/26" },
    text: `${ipam}/virtual/load-balancer/ipv4/block/10.30.0.0-26`,
  },
  { key: { kind: "IPAMHandle", name: "k8s-pod-network.c0ffee" }, text: `${ipam}/handle/k8s-pod-network.c0ffee` },
  { key: { kind: "IPAMConfig", name: "default" }, text: `${ipam}/config` },
  { key: { kind: "Tier", name: "platform" }, text: `${resources}/tiers/platform` },
];

describe("etcd's keys", () => {
  for (const { key, text } of keys) {
    it(`${key.kind} ${key.name} is at ${text}`, () => {
      assert.equal(etcdKey(key), text);
      assert.deepEqual(parseEtcdKey<Kind>(key.kind, text), key);
      assert.ok(etcdPrefixes(key.kind).some((prefix) => text.startsWith(prefix)));
    });
  }

  const foreign: { kind: Kind; text: string }[] = [
    { kind: "Node", text: `${resources}/nodes/a/b` },
    { kind: "Node", text: `${resources}/nodes/` },
    { kind: "NetworkPolicy", text: `${resources}/networkpolicies/prod` },
    { kind: "IPAMBlock", text: `${ipam}/assignment/ipv6/block/10.0.0.0-26` },
    { kind: "IPAMBlock", text: `${ipam}/assignment/ipv4/block/10.0.0.1-26` },
    { kind: "BlockAffinity", text: `${ipam}/host/node1/ipv4/block/nonsense` },
    { kind: "BlockAffinity", text: `${ipam}/host/node1` },
    { kind: "IPAMHandle", text: `${ipam}/config` },
    { kind: "IPAMConfig", text: `${ipam}/config/older` },
  ];
  for (const { kind, text } of foreign) {
    it(`${text} is no ${kind}`, () => assert.equal(parseEtcdKey(kind, text), null));
  }

  const scopes: { kind: Kind; scope: Scope; prefixes: string[] }[] = [
    { kind: "Node", scope: { namePrefix: "n" }, prefixes: [`${resources}/nodes/n`] },
    {
      kind: "NetworkPolicy",
      scope: { namespace: "a", namePrefix: "p" },
      prefixes: [`${resources}/networkpolicies/a/p`],
    },
    { kind: "NetworkPolicy", scope: { namePrefix: "p" }, prefixes: [`${resources}/networkpolicies/`] },
    { kind: "BlockAffinity", scope: { namePrefix: "host:node1/" }, prefixes: [`${ipam}/host/node1/`] },
    { kind: "BlockAffinity", scope: { namePrefix: "host:node1/10." }, prefixes: [`${ipam}/host/node1/`] },
    { kind: "BlockAffinity", scope: { namePrefix: "h" }, prefixes: [`${ipam}/host/`, `${ipam}/virtual/`] },
  ];
  for (const { kind, scope, prefixes } of scopes) {
    it(`of ${kind} in ${JSON.stringify(scope)} begin with ${prefixes}`, () => {
      assert.deepEqual(etcdPrefixes(kind, scope), prefixes);
    });
  }
});
