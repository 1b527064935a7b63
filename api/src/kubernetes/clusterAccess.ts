/** Where a cluster's API server is and as whom to speak to it: what kubeconfigs, environment and pods' files say. */
import { StoreError } from "../store/error.ts";

export interface ClusterAccess {
  /** `https://10.0.0.1:6443` */
  readonly server: string;
  readonly ca?: FileOrText;
  readonly insecureSkipTlsVerify?: boolean;
  /** The name that the server's certificate must bear, if it is not that of the address. */
  readonly tlsServerName?: string;
  readonly certificate?: FileOrText;
  readonly key?: FileOrText;
  readonly token?: FileOrText;
  /** Whoever else gives the credentials; of the kubeconfig as it is. */
  readonly plugin?: CredentialPlugin;
}

/** A secret or a certificate, here or in a file that may change at any time. */
export type FileOrText = { readonly text: string } | { readonly file: string };

export interface CredentialPlugin {
  readonly name: string;
  readonly exec?: unknown;
  readonly authProvider?: unknown;
}

const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** What a pod is given. The token is a file that the kubelet replaces before it expires. */
export function inClusterAccess(environment: Environment): ClusterAccess | null {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (!host || !port) return null;
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    ca: { file: `${serviceAccountFolder}/ca.crt` },
    token: { file: `${serviceAccountFolder}/token` },
  };
}

export type Environment = { readonly [name: string]: string | undefined };

/** What calicoctl reads from the environment beside `KUBECONFIG`; it stands above what a kubeconfig says. */
export function environmentOverrides(environment: Environment): Partial<ClusterAccess> {
  const { K8S_API_ENDPOINT, K8S_API_TOKEN, K8S_CA_FILE, K8S_CERT_FILE, K8S_KEY_FILE } = environment;
  const isInsecure = /^(1|t|true)$/i.test(environment.K8S_INSECURE_SKIP_TLS_VERIFY ?? "");
  return {
    ...(K8S_API_ENDPOINT && { server: checkedServer(K8S_API_ENDPOINT) }),
    ...(K8S_API_TOKEN && { token: { text: K8S_API_TOKEN } }),
    ...(K8S_CA_FILE && { ca: { file: K8S_CA_FILE } }),
    ...(K8S_CERT_FILE && { certificate: { file: K8S_CERT_FILE } }),
    ...(K8S_KEY_FILE && { key: { file: K8S_KEY_FILE } }),
    ...(isInsecure && { insecureSkipTlsVerify: true }),
  };
}

/** Throws a `StoreError`, which does not repeat an address with a user in it. */
export function checkedServer(server: string): string {
  if (!URL.canParse(server))
    throw misconfiguredAccess("the address of the API server is no URL; write https://10.0.0.1:6443");
  const url = new URL(server);
  if (url.username || url.password) {
    throw misconfiguredAccess(
      `the address of the API server ${url.host} has a user in it; give a token or a certificate`,
    );
  }
  if (!/^https?:$/.test(url.protocol)) {
    throw misconfiguredAccess(`the address of the API server ${url.host} begins with neither https:// nor http://`);
  }
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}`;
}

export function misconfiguredAccess(reason: string): StoreError {
  return new StoreError({ code: "MISCONFIGURED", reason });
}
