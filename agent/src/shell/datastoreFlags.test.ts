import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, vi } from "vitest";
import { type DatastoreFlags, datastoreSettings } from "./datastoreFlags.ts";

beforeEach(() => {
  // What whoever runs the tests has set.
  for (const name of ["DATASTORE_TYPE", "ETCD_ENDPOINTS", "KUBECONFIG", "CALICO_DATASTORE_TYPE"])
    vi.stubEnv(name, undefined);
});
afterEach(() => vi.unstubAllEnvs());

const etcd = "http://192.0.2.1:2379";
const kubeconfig = "/etc/kubernetes/admin.conf";

const rows: { name: string; flags: DatastoreFlags; type: string }[] = [
  { name: "etcd unless anything is said", flags: {}, type: "etcdv3" },
  { name: "Kubernetes where a cluster alone is named", flags: { kubeconfig }, type: "kubernetes" },
  { name: "etcd where both are named: pods are the cluster's", flags: { etcd, kubeconfig }, type: "etcdv3" },
  { name: "etcd where that is said, cluster or not", flags: { datastore: "etcdv3", kubeconfig }, type: "etcdv3" },
  { name: "Kubernetes where that is said", flags: { datastore: "kubernetes" }, type: "kubernetes" },
];

describe("the datastore that the flags name", () => {
  for (const { name, flags, type } of rows) {
    it(`is ${name}`, () => {
      assert.equal(datastoreSettings(flags).type, type);
    });
  }

  it("is refused where etcd's address is given, and Kubernetes is said", () => {
    assert.throws(() => datastoreSettings({ datastore: "kubernetes", etcd }), /etcd and Kubernetes/);
  });
});
