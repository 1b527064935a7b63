import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type ConnectionFlags, type Environment, etcdSettings } from "./etcdSettings.ts";

const timeout = 5_000;

describe("etcdSettings", () => {
  const table: { name: string; flags?: Partial<ConnectionFlags>; environment?: Environment; settings: object }[] = [
    { name: "the local etcd unless told", settings: { endpoints: ["http://127.0.0.1:2379"] } },
    {
      name: "all endpoints of the environment",
      environment: { ETCD_ENDPOINTS: "http://a:1, http://b:2,", DATASTORE_TYPE: "etcdv3" },
      settings: { endpoints: ["http://a:1", "http://b:2"] },
    },
    {
      name: "the option before the environment",
      flags: { etcd: "http://c:3" },
      environment: { ETCD_ENDPOINTS: "http://a:1" },
      settings: { endpoints: ["http://c:3"] },
    },
    {
      name: "files and user by Calico's names",
      environment: {
        ETCD_CA_CERT_FILE: "/ca",
        ETCD_CERT_FILE: "/cert",
        ETCD_KEY_FILE: "/key",
        ETCD_USERNAME: "u",
        ETCD_PASSWORD: "p",
      },
      settings: {
        endpoints: ["http://127.0.0.1:2379"],
        tls: { caFile: "/ca", certFile: "/cert", keyFile: "/key" },
        user: { name: "u", password: "p" },
      },
    },
  ];
  it.each(table)("are $name", ({ flags = {}, environment = {}, settings }) => {
    assert.deepEqual(etcdSettings({ timeout, ...flags }, environment), { ...settings, timeoutMs: timeout });
  });

  it("refuses a datastore that this version does not know, rather than ask another", () => {
    assert.throws(() => etcdSettings({ timeout }, { DATASTORE_TYPE: "kubernetes" }), /DATASTORE_TYPE is kubernetes/);
  });
});
