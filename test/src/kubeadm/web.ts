/** A pod on every node that answers HTTP with its name, and Services of them, of each family that the cluster has. */
import { field, list, text } from "../fixtures/json.ts";
import type { Cluster } from "../fixtures/kubeadm/cluster.ts";
import { testImage } from "../fixtures/kubeadm/images.ts";

export interface WebPod {
  readonly name: string;
  readonly node: string;
  readonly addresses: readonly string[];
}

/** The paths that a pod answers at, beside `/`, which says its name. */
export const callerPath = "cgi-bin/caller";

/** Answers HTTP at port 80: with its name, and at `callerPath` with the address that it was called from. */
export const webCommand: readonly string[] = [
  "sh",
  "-c",
  `mkdir -p /tmp/cgi-bin
hostname >/tmp/index.html
printf '#!/bin/sh\necho Content-Type: text/plain\necho\necho "$REMOTE_ADDR" | sed "s/[][]//g; s/^::ffff://"\n' >/tmp/${callerPath}
chmod +x /tmp/${callerPath}
exec httpd -f -p 80 -h /tmp`,
];

export const nodePorts = { web: 30080, local: 30081 } as const;

export const webManifest: string = JSON.stringify({
  apiVersion: "v1",
  kind: "List",
  items: [
    {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name: "web" },
      spec: {
        // A set takes whatever pod its selector fits: there may be others that are web.
        selector: { matchLabels: { set: "web" } },
        template: {
          metadata: { labels: { app: "web", set: "web" } },
          spec: { terminationGracePeriodSeconds: 0, containers: [webContainer()] },
        },
      },
    },
    webService("web", { nodePort: nodePorts.web }),
    webService("web-local", { nodePort: nodePorts.local, externalTrafficPolicy: "Local" }),
  ],
});

function webContainer(): object {
  return {
    name: "web",
    image: testImage,
    imagePullPolicy: "Never",
    command: webCommand,
    readinessProbe: { httpGet: { port: 80 }, periodSeconds: 1 },
  };
}

export interface WebServiceOptions {
  readonly nodePort: number;
  readonly externalTrafficPolicy?: "Cluster" | "Local";
  readonly app?: string;
}

/** Of the pods whose label `app` says so. */
export function webService(name: string, { nodePort, externalTrafficPolicy, app = "web" }: WebServiceOptions): object {
  const spec = {
    type: "NodePort",
    ipFamilyPolicy: "PreferDualStack",
    selector: { app },
    ports: [{ port: 80, nodePort }],
    ...(externalTrafficPolicy !== undefined && { externalTrafficPolicy }),
  };
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec };
}

/** Those that are Ready. */
export async function webPods({ kubectl }: Cluster): Promise<WebPod[]> {
  const pods = JSON.parse(await kubectl(["get", "pods", "-l", "app=web", "-o", "json"]));
  const isReady = (pod: unknown): boolean =>
    list(field(pod, "status", "conditions")).some(
      (condition) => field(condition, "type") === "Ready" && field(condition, "status") === "True",
    );
  return list(field(pods, "items")).filter(isReady).map(podOf);
}

/** As kubectl writes it. */
export function podOf(pod: unknown): WebPod {
  return {
    name: text(field(pod, "metadata", "name")),
    node: text(field(pod, "spec", "nodeName")),
    addresses: list(field(pod, "status", "podIPs")).map((entry) => text(field(entry, "ip"))),
  };
}
