/** Credentials that another program gives (`exec`) or an old provider (`auth-provider`), by `@kubernetes/client-node`. */
import type { RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import type { CredentialPlugin } from "../../kubernetes/clusterAccess.ts";
import { StoreError } from "../../store/error.ts";
import type { Identity } from "./credentials.ts";

/** What is returned keeps what it was given until that expires; opened anew, it asks again. */
export function openPlugin(plugin: CredentialPlugin, server: string): (identity: Identity) => Promise<Identity> {
  const config = new KubeConfig();
  const { name, exec, authProvider } = plugin;
  config.loadFromOptions({
    clusters: [{ name, server, skipTLSVerify: false }],
    users: [{ name, exec, authProvider }],
    contexts: [{ name, cluster: name, user: name }],
    currentContext: name,
  });
  return async (identity) => {
    const options: RequestOptions = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch {
      // What the plugin wrote may hold what nobody should read; whoever runs it by hand sees it.
      throw new StoreError({ code: "UNAUTHORIZED", reason: `${nameOf(plugin)} gave no credentials: try it by hand` });
    }
    const { cert, key } = options;
    const authorization = (options.headers as Readonly<Record<string, unknown>> | undefined)?.Authorization;
    return {
      tls: { ...identity.tls, ...(cert && key && { cert: String(cert), key: String(key) }) },
      authorization: typeof authorization === "string" ? authorization : identity.authorization,
    };
  };
}

function nameOf({ name, exec }: CredentialPlugin): string {
  const command = (exec as { readonly command?: unknown } | undefined)?.command;
  return typeof command === "string" ? `the credential plugin ${command}` : `the credential plugin of the user ${name}`;
}
