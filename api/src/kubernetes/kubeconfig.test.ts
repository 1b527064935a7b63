import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { environmentOverrides, inClusterAccess } from "./clusterAccess.ts";
import { accessOf, type KubeconfigFile } from "./kubeconfig.ts";

function file(
  path: string,
  parts: { cluster?: object; user?: object; current?: string; name?: string },
): KubeconfigFile {
  const { cluster = { server: "https://10.0.0.1:6443" }, user = {}, current = "c", name = "c" } = parts;
  const config = {
    "current-context": current,
    clusters: [{ name: `${name}-cluster`, cluster }],
    users: [{ name: `${name}-user`, user }],
    contexts: [{ name, context: { cluster: `${name}-cluster`, user: `${name}-user`, namespace: "prod" } }],
  };
  return { path, text: JSON.stringify(config) };
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

const rows: { name: string; cluster?: object; user?: object; access: object }[] = [
  {
    name: "the address, without a slash at its end",
    cluster: { server: "https://a:6443/" },
    access: { server: "https://a:6443" },
  },
  {
    name: "certificates beside it",
    cluster: { server: "https://a", "certificate-authority-data": base64("ca") },
    user: { "client-certificate-data": base64("cert"), "client-key-data": base64("key") },
    access: { server: "https://a", ca: { text: "ca" }, certificate: { text: "cert" }, key: { text: "key" } },
  },
  {
    name: "certificates in files, whose paths begin at its folder",
    cluster: { server: "https://a", "certificate-authority": "pki/ca.crt" },
    user: { "client-certificate": "../cert", "client-key": "/key" },
    access: {
      server: "https://a",
      ca: { file: "/etc/kube/pki/ca.crt" },
      certificate: { file: "/etc/cert" },
      key: { file: "/key" },
    },
  },
  {
    name: "a token, and rather the file of one",
    user: { token: "t", tokenFile: "token" },
    access: { server: "https://10.0.0.1:6443", token: { file: "/etc/kube/token" } },
  },
  {
    name: "a name for the certificate, and to do without one",
    cluster: { server: "https://a", "tls-server-name": "kubernetes", "insecure-skip-tls-verify": true },
    access: { server: "https://a", tlsServerName: "kubernetes", insecureSkipTlsVerify: true },
  },
  {
    name: "a plugin",
    user: { exec: { command: "aws" } },
    access: { server: "https://10.0.0.1:6443", plugin: { name: "c-user", exec: { command: "aws" } } },
  },
];

const faults: { name: string; files: readonly KubeconfigFile[]; context?: string; says: RegExp }[] = [
  { name: "no YAML", files: [{ path: "/f", text: "token: [s3cret" }], says: /^\/f is no YAML$/ },
  {
    name: "no kubeconfig",
    files: [{ path: "/f", text: "clusters: s3cret" }],
    says: /\/f is no kubeconfig: see clusters/,
  },
  { name: "no current context", files: [file("/f", { current: "" })], says: /\/f names no current context/ },
  { name: "a context that is not there", files: [file("/f", {})], context: "d", says: /does not have the context d/ },
  {
    name: "a proxy",
    files: [file("/f", { cluster: { server: "https://a", "proxy-url": "http://b" } })],
    says: /proxy/,
  },
  { name: "a password", files: [file("/f", { user: { username: "u", password: "s3cret" } })], says: /no passwords/ },
  { name: "impersonation", files: [file("/f", { user: { as: "jane", token: "s3cret" } })], says: /impersonate/ },
  { name: "a certificate alone", files: [file("/f", { user: { "client-certificate": "x" } })], says: /without a key/ },
  { name: "no URL", files: [file("/f", { cluster: { server: "10.0.0.1" } })], says: /no URL/ },
  {
    name: "a user in the URL",
    files: [file("/f", { cluster: { server: "https://u:s3cret@a" } })],
    says: /a has a user in it/,
  },
];

describe("accessOf a kubeconfig", () => {
  for (const { name, cluster, user, access } of rows) {
    it(`reads ${name}`, () => {
      const parts = { ...(cluster && { cluster }), ...(user && { user }) };
      assert.deepEqual(accessOf([file("/etc/kube/config", parts)]), access);
    });
  }

  for (const { name, files, context, says } of faults) {
    it(`refuses ${name}, and repeats no secret`, () => {
      assert.throws(
        () => accessOf(files, context),
        (error: Error) => says.test(error.message) && !error.message.includes("s3cret"),
      );
    });
  }

  it("lays several over each other: the first that says something wins", () => {
    const first = file("/1", { current: "", cluster: { server: "https://first" } });
    const second = file("/2", { cluster: { server: "https://second" } });
    const other = file("/3", { name: "d", cluster: { server: "https://third" } });
    assert.equal(accessOf([first, second, other]).server, "https://first");
    assert.equal(accessOf([first, second, other], "d").server, "https://third");
  });
});

describe("the access of a pod and of the environment", () => {
  it("finds the API server of the pod's cluster, by IPv6 too", () => {
    const access = inClusterAccess({ KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" });
    assert.equal(access?.server, "https://[fd00::1]:443");
    assert.deepEqual(access?.token, { file: "/var/run/secrets/kubernetes.io/serviceaccount/token" });
    assert.equal(inClusterAccess({ KUBERNETES_SERVICE_HOST: "10.96.0.1" }), null);
  });

  it("reads the names that calicoctl reads", () => {
    const environment = {
      K8S_API_ENDPOINT: "https://10.0.0.1:6443/",
      K8S_API_TOKEN: "t",
      K8S_CA_FILE: "/ca",
      K8S_CERT_FILE: "/cert",
      K8S_KEY_FILE: "/key",
      K8S_INSECURE_SKIP_TLS_VERIFY: "true",
    };
    assert.deepEqual(environmentOverrides(environment), {
      server: "https://10.0.0.1:6443",
      token: { text: "t" },
      ca: { file: "/ca" },
      certificate: { file: "/cert" },
      key: { file: "/key" },
      insecureSkipTlsVerify: true,
    });
    assert.deepEqual(environmentOverrides({}), {});
  });
});
