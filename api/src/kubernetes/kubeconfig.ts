/**
 * A kubeconfig, or several of them laid over each other: the first that names a cluster, a user or a context wins, and
 * the first that has a current context. Paths in a file begin at its folder.
 */
import { dirname, isAbsolute, join } from "node:path/posix";
import { parse } from "yaml";
import * as z from "zod";
import { type ClusterAccess, checkedServer, type FileOrText, misconfiguredAccess } from "./clusterAccess.ts";

export interface KubeconfigFile {
  readonly path: string;
  readonly text: string;
}

const cluster = z.object({
  server: z.string(),
  "certificate-authority": z.string().optional(),
  "certificate-authority-data": z.string().optional(),
  "insecure-skip-tls-verify": z.boolean().optional(),
  "tls-server-name": z.string().optional(),
  "proxy-url": z.string().optional(),
});

const user = z.object({
  "client-certificate": z.string().optional(),
  "client-certificate-data": z.string().optional(),
  "client-key": z.string().optional(),
  "client-key-data": z.string().optional(),
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  username: z.string().optional(),
  as: z.string().optional(),
  exec: z.record(z.string(), z.unknown()).nullish(),
  "auth-provider": z.record(z.string(), z.unknown()).nullish(),
});

const context = z.object({ cluster: z.string(), user: z.string().optional() });

const name = z.string();
const kubeconfig = z.object({
  "current-context": z.string().optional(),
  clusters: z.array(z.object({ name, cluster })).nullish(),
  users: z.array(z.object({ name, user: user.nullish() })).nullish(),
  contexts: z.array(z.object({ name, context })).nullish(),
});
type Kubeconfig = z.infer<typeof kubeconfig>;

type Named<T> = { readonly name: string; readonly value: T; readonly path: string };

/** The access of `contextName`, or of the current context. Throws a `StoreError` which repeats nothing secret. */
export function accessOf(files: readonly KubeconfigFile[], contextName?: string): ClusterAccess {
  const configs = files.map(({ path, text }) => ({ path, config: parseKubeconfig(path, text) }));
  const wanted = contextName ?? configs.map(({ config }) => config["current-context"]).find((name) => name);
  if (!wanted) throw misconfiguredAccess(`${pathsOf(files)} names no current context`);
  const all = <T>(entries: (config: Kubeconfig) => readonly { readonly name: string; readonly value: T }[]) =>
    configs.flatMap(({ path, config }) => entries(config).map((entry) => ({ ...entry, path })));
  const contexts = all(({ contexts }) => (contexts ?? []).map(({ name, context }) => ({ name, value: context })));
  const clusters = all(({ clusters }) => (clusters ?? []).map(({ name, cluster }) => ({ name, value: cluster })));
  const users = all(({ users }) => (users ?? []).map(({ name, user }) => ({ name, value: user })));
  const chosen = named(contexts, { name: wanted, what: "context", files }).value;
  const { value: where, path } = named(clusters, { name: chosen.cluster, what: "cluster", files });
  const who = chosen.user ? named(users, { name: chosen.user, what: "user", files }) : null;
  return { ...clusterPart(where, path), ...(who && userPart(who)) };
}

function parseKubeconfig(path: string, text: string): Kubeconfig {
  let yaml: unknown;
  try {
    yaml = parse(text) ?? {};
  } catch {
    // The parser's message quotes the line, which may be that of a token.
    throw misconfiguredAccess(`${path} is no YAML`);
  }
  const parsed = kubeconfig.safeParse(yaml);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map(({ path }) => path.join(".")).slice(0, 3);
  throw misconfiguredAccess(`${path} is no kubeconfig: see ${where.join(", ")}`);
}

function named<T>(
  all: readonly Named<T>[],
  { name, what, files }: { name: string; what: string; files: readonly KubeconfigFile[] },
): Named<T> {
  const found = all.find((entry) => entry.name === name);
  if (!found) throw misconfiguredAccess(`${pathsOf(files)} does not have the ${what} ${name}`);
  return found;
}

function pathsOf(files: readonly KubeconfigFile[]): string {
  return files.map(({ path }) => path).join(", ");
}

function clusterPart(where: z.infer<typeof cluster>, path: string): ClusterAccess {
  if (where["proxy-url"]) {
    throw misconfiguredAccess(`${path}: clusters.proxy-url: Brindle speaks to the API server without a proxy`);
  }
  const ca = sourceOf(where["certificate-authority-data"], where["certificate-authority"], path);
  return {
    server: checkedServer(where.server),
    ...(ca && { ca }),
    ...(where["insecure-skip-tls-verify"] && { insecureSkipTlsVerify: true }),
    ...(where["tls-server-name"] && { tlsServerName: where["tls-server-name"] }),
  };
}

function userPart({ name, value, path }: Named<z.infer<typeof user> | null | undefined>): Partial<ClusterAccess> {
  if (!value) return {};
  if (value.username)
    throw misconfiguredAccess(`${path}: users.username: API servers take no passwords since Kubernetes 1.19`);
  if (value.as) throw misconfiguredAccess(`${path}: users.as: Brindle does not impersonate`);
  const certificate = sourceOf(value["client-certificate-data"], value["client-certificate"], path);
  const key = sourceOf(value["client-key-data"], value["client-key"], path);
  if (!certificate !== !key)
    throw misconfiguredAccess(`${path}: the user ${name} has a certificate without a key, or the reverse`);
  const token = tokenOf(value, path);
  const { exec, "auth-provider": authProvider } = value;
  const plugin =
    exec || authProvider ? { name, ...(exec && { exec }), ...(authProvider && { authProvider }) } : undefined;
  return {
    ...(certificate && { certificate }),
    ...(key && { key }),
    ...(token && { token }),
    ...(plugin && { plugin }),
  };
}

/** A token in a file wins over one beside it, for the file is kept fresh. */
function tokenOf(value: z.infer<typeof user>, path: string): FileOrText | undefined {
  if (value.tokenFile) return { file: beside(path, value.tokenFile) };
  return value.token ? { text: value.token } : undefined;
}

/** Data in the kubeconfig wins over a file. */
function sourceOf(data: string | undefined, file: string | undefined, path: string): FileOrText | undefined {
  if (data) return { text: Buffer.from(data, "base64").toString() };
  return file ? { file: beside(path, file) } : undefined;
}

function beside(path: string, file: string): string {
  return isAbsolute(file) ? file : join(dirname(path), file);
}
