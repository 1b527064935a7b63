import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "vitest";
import { StoreError } from "../store/error.ts";
import { type DatastoreSettings, type DatastoreSources, readDatastoreSettings } from "./datastoreSettings.ts";
import { openDatastore } from "./openDatastore.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "settings-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function fileWith(spec: string): { path: string; isNamed: boolean } {
  const path = join(folder, "calicoctl.cfg");
  writeFileSync(path, `apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nmetadata:\nspec:\n${spec}`);
  return { path, isNamed: true };
}

const local = { endpoints: ["http://127.0.0.1:2379"] };

describe("the datastore's settings are", () => {
  const table: { name: string; sources: () => DatastoreSources; settings: DatastoreSettings }[] = [
    {
      name: "the local etcd unless told",
      sources: () => ({ environment: {} }),
      settings: { type: "etcdv3", etcd: local },
    },
    {
      name: "all endpoints of the environment",
      sources: () => ({ environment: { ETCD_ENDPOINTS: "http://a:1, http://b:2,", DATASTORE_TYPE: "etcdv3" } }),
      settings: { type: "etcdv3", etcd: { endpoints: ["http://a:1", "http://b:2"] } },
    },
    {
      name: "Calico's longer names before the shorter",
      sources: () => ({ environment: { CALICO_ETCD_ENDPOINTS: "http://a:1", ETCD_ENDPOINTS: "http://b:2" } }),
      settings: { type: "etcdv3", etcd: { endpoints: ["http://a:1"] } },
    },
    {
      name: "the command line before the environment",
      sources: () => ({
        environment: { ETCD_ENDPOINTS: "http://a:1", DATASTORE_TYPE: "kubernetes" },
        overrides: { ETCD_ENDPOINTS: "http://c:3" },
        timeoutMs: 700,
      }),
      settings: { type: "etcdv3", etcd: { endpoints: ["http://c:3"], timeoutMs: 700 } },
    },
    {
      name: "files and user by Calico's names",
      sources: () => ({
        environment: {
          ETCD_CA_CERT_FILE: "/ca",
          ETCD_CERT_FILE: "/cert",
          ETCD_KEY_FILE: "/key",
          ETCD_USERNAME: "u",
          ETCD_PASSWORD: "p",
        },
      }),
      settings: {
        type: "etcdv3",
        etcd: {
          ...local,
          tls: { caFile: "/ca", certFile: "/cert", keyFile: "/key" },
          user: { name: "u", password: "p" },
        },
      },
    },
    {
      name: "those of calicoctl's file, and not of the environment beside it",
      sources: () => ({
        environment: { ETCD_USERNAME: "u", ETCD_PASSWORD: "p" },
        configFile: fileWith("  etcdEndpoints: https://a:1,https://b:2\n  etcdCACertFile: /ca\n  etcdKeyFile:\n"),
      }),
      settings: { type: "etcdv3", etcd: { endpoints: ["https://a:1", "https://b:2"], tls: { caFile: "/ca" } } },
    },
    {
      name: "those of the environment where the usual file is not",
      sources: () => ({
        environment: { ETCD_ENDPOINTS: "http://a:1" },
        configFile: { path: join(folder, "none"), isNamed: false },
      }),
      settings: { type: "etcdv3", etcd: { endpoints: ["http://a:1"] } },
    },
    {
      name: "Kubernetes' by the names of the environment, from a file too",
      sources: () => ({
        environment: {},
        configFile: fileWith("  datastoreType: kubernetes\n  kubeconfig: /k\n  k8sInsecureSkipTLSVerify: true\n"),
      }),
      settings: {
        type: "kubernetes",
        environment: { DATASTORE_TYPE: "kubernetes", KUBECONFIG: "/k", K8S_INSECURE_SKIP_TLS_VERIFY: "true" },
      },
    },
    {
      name: "Kubernetes' where the environment names a kubeconfig and no etcd",
      sources: () => ({ environment: { KUBECONFIG: "/k" } }),
      settings: { type: "kubernetes", environment: { KUBECONFIG: "/k" } },
    },
    {
      name: "Kubernetes' where a file names its API and no etcd",
      sources: () => ({ environment: {}, configFile: fileWith("  k8sAPIEndpoint: https://a:6443\n") }),
      settings: { type: "kubernetes", environment: { K8S_API_ENDPOINT: "https://a:6443" } },
    },
    {
      name: "etcd's where the environment names both: pods are the cluster's",
      sources: () => ({ environment: { ETCD_ENDPOINTS: "http://a:1", KUBECONFIG: "/k" } }),
      settings: { type: "etcdv3", etcd: { endpoints: ["http://a:1"] } },
    },
    {
      name: "etcd's where that is said, cluster or not",
      sources: () => ({ environment: { DATASTORE_TYPE: "etcdv3", KUBECONFIG: "/k" } }),
      settings: { type: "etcdv3", etcd: local },
    },
    {
      name: "Kubernetes' where the command line names a kubeconfig, whatever else is said",
      sources: () => ({ environment: { ETCD_ENDPOINTS: "http://a:1" }, overrides: { KUBECONFIG: "/k" } }),
      settings: { type: "kubernetes", environment: { ETCD_ENDPOINTS: "http://a:1", KUBECONFIG: "/k" } },
    },
  ];
  it.each(table)("$name", ({ sources, settings }) => {
    assert.deepEqual(readDatastoreSettings(sources()), settings);
  });
});

describe("settings that cannot work are refused:", () => {
  const table: { name: string; sources: () => DatastoreSources; reason: RegExp }[] = [
    {
      name: "an unknown datastore",
      sources: () => ({ environment: { DATASTORE_TYPE: "consul" } }),
      reason: /"consul"; it is etcdv3 or kubernetes/,
    },
    {
      name: "two datastores",
      sources: () => ({ environment: {}, overrides: { ETCD_ENDPOINTS: "http://a:1", KUBECONFIG: "/k" } }),
      reason: /names etcd and Kubernetes/,
    },
    {
      name: "an address of the other kind",
      sources: () => ({ environment: {}, overrides: { DATASTORE_TYPE: "etcdv3", KUBECONFIG: "/k" } }),
      reason: /names etcd and Kubernetes/,
    },
    {
      name: "a discovery that we do not have",
      sources: () => ({ environment: { ETCD_DISCOVERY_SRV: "example.org" } }),
      reason: /ETCD_DISCOVERY_SRV is not supported/,
    },
    {
      name: "a user without a password",
      sources: () => ({ environment: { ETCD_USERNAME: "u" } }),
      reason: /ETCD_PASSWORD is not/,
    },
    {
      name: "an address that is none",
      sources: () => ({ environment: { ETCD_ENDPOINTS: "nonsense" } }),
      reason: /endpoint "nonsense" is no URL; write it as http/,
    },
    {
      name: "an address with a password in it",
      sources: () => ({ environment: { ETCD_ENDPOINTS: "root:hunter2@10.0.0.1:2379" } }),
      reason: /begins with neither/,
    },
    {
      name: "a certificate without its key",
      sources: () => ({ environment: { ETCD_ENDPOINTS: "https://a:1", ETCD_CERT_FILE: "/cert" } }),
      reason: /both its file and its key's file/,
    },
    {
      name: "a file of a certificate that is not there",
      sources: () => ({ environment: { ETCD_ENDPOINTS: "https://a:1", ETCD_CA_CERT_FILE: "/none/ca" } }),
      reason: /cannot read \/none\/ca: ENOENT/,
    },
    {
      name: "a named file that is not there",
      sources: () => ({ environment: {}, configFile: { path: "/none/cfg", isNamed: true } }),
      reason: /cannot read \/none\/cfg: ENOENT/,
    },
    {
      name: "a file that is no YAML, without a word of what is in it",
      sources: () => ({ environment: {}, configFile: fileWith("  etcdPassword: [hunter2\n") }),
      reason: /is no YAML: BAD_/,
    },
    {
      name: "a field that nobody knows",
      sources: () => ({ environment: {}, configFile: fileWith("  etcdEndpoint: http://a:1\n") }),
      reason: /etcdEndpoint in .* is no field/,
    },
    {
      name: "a key written into the file",
      sources: () => ({ environment: {}, configFile: fileWith("  etcdKey: hunter2\n") }),
      reason: /write a file and name it in etcdKeyFile/,
    },
  ];
  it.each(table)("$name", async ({ sources, reason }) => {
    const open = async () => openDatastore(readDatastoreSettings(sources()));
    await assert.rejects(open, (error) => {
      assert.ok(error instanceof StoreError && error.failure.code === "MISCONFIGURED");
      assert.match(error.message, reason);
      assert.doesNotMatch(error.stack ?? "", /hunter2/);
      return true;
    });
  });
});
