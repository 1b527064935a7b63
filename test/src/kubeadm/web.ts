/** A pod on every node that answers HTTP with its name, and a Service of them. */
import { field, list, text } from "../fixtures/json.ts";
import type { Cluster } from "../fixtures/kubeadm/cluster.ts";
import { testImage } from "../fixtures/kubeadm/images.ts";

export interface WebPod {
  readonly name: string;
  readonly node: string;
  readonly addresses: readonly string[];
}

export const webManifest: string = JSON.stringify({
  apiVersion: "v1",
  kind: "List",
  items: [
    {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name: "web" },
      spec: {
        selector: { matchLabels: { app: "web" } },
        template: {
          metadata: { labels: { app: "web" } },
          spec: { terminationGracePeriodSeconds: 0, containers: [webContainer()] },
        },
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web" },
      spec: { type: "NodePort", selector: { app: "web" }, ports: [{ port: 80, nodePort: 30080 }] },
    },
  ],
});

function webContainer(): object {
  return {
    name: "web",
    image: testImage,
    imagePullPolicy: "Never",
    command: ["sh", "-c", "hostname >/tmp/index.html && exec httpd -f -p 80 -h /tmp"],
    readinessProbe: { httpGet: { port: 80 }, periodSeconds: 1 },
  };
}

/** Those that are Ready. */
export async function webPods({ kubectl }: Cluster): Promise<WebPod[]> {
  const pods = JSON.parse(await kubectl(["get", "pods", "-l", "app=web", "-o", "json"]));
  const isReady = (pod: unknown): boolean =>
    list(field(pod, "status", "conditions")).some(
      (condition) => field(condition, "type") === "Ready" && field(condition, "status") === "True",
    );
  return list(field(pods, "items"))
    .filter(isReady)
    .map((pod) => ({
      name: text(field(pod, "metadata", "name")),
      node: text(field(pod, "spec", "nodeName")),
      addresses: list(field(pod, "status", "podIPs")).map((entry) => text(field(entry, "ip"))),
    }));
}
