/**
 * A program for the row of pods: answers a watch as an API server of a large cluster would, and prints its port. A real
 * one needs minutes and gigabytes for as many. `COUNT`
 */
import { once } from "node:events";
import { createServer, type ServerHttp2Stream } from "node:http2";

const [count = "0"] = process.argv.slice(2);
const podsOfNode = 100;

const server = createServer();
server.on("stream", async (stream: ServerHttp2Stream, headers) => {
  stream.on("error", () => {}); // Whoever watched has ended.
  stream.respond({ ":status": 200 });
  const path = headers[":path"] ?? "";
  if (path.includes("sendInitialEvents=true")) await sendAll(stream);
  else if (!path.includes("watch=1")) stream.end('{"groups":[]}');
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log(JSON.stringify({ port: typeof address === "object" ? address?.port : 0 }));
});

async function sendAll(stream: ServerHttp2Stream): Promise<void> {
  for (let index = 0; index < Number(count); index += 1) {
    if (!stream.write(`${JSON.stringify({ type: "ADDED", object: pod(index) })}\n`)) await once(stream, "drain");
  }
  const annotations = { "k8s.io/initial-events-end": "true" };
  const end = { kind: "Pod", apiVersion: "v1", metadata: { resourceVersion: String(10 + Number(count)), annotations } };
  stream.write(`${JSON.stringify({ type: "BOOKMARK", object: end })}\n`);
}

/** Some 4 kB, as a pod of a Deployment has them. */
function pod(index: number): object {
  const address = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
  const hex = index.toString(16).padStart(12, "0");
  const node = `node${Math.floor(index / podsOfNode)}`;
  const conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"];
  return {
    kind: "Pod",
    apiVersion: "v1",
    metadata: {
      name: `web-6d4cf56db6-${hex}`,
      generateName: "web-6d4cf56db6-",
      namespace: `team-${index % 200}`,
      uid: `dfc07698-6de9-4714-8bc6-${hex}`,
      resourceVersion: String(10 + index),
      creationTimestamp: "2026-11-20T23:14:58Z",
      labels: { app: `app-${index % 300}`, tier: "frontend", "pod-template-hash": "6d4cf56db6" },
      annotations: {
        "cni.projectcalico.org/containerID": `${hex}${hex}${hex}${hex}${hex}0000`,
        "cni.projectcalico.org/podIP": `${address}/32`,
        "cni.projectcalico.org/podIPs": `${address}/32`,
      },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-6d4cf56db6", controller: true }],
      managedFields: [
        { manager: "kubelet", operation: "Update", fieldsType: "FieldsV1", fieldsV1: managed(conditions) },
      ],
    },
    spec: {
      nodeName: node,
      serviceAccountName: "default",
      containers: [
        {
          name: "web",
          image: "web:1.2.3",
          ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
          env: Array.from({ length: 20 }, (_, i) => ({ name: `SETTING_${i}`, value: `what is set there, ${i}` })),
          resources: { requests: { cpu: "100m", memory: "128Mi" } },
        },
      ],
      tolerations: [{ key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" }],
    },
    status: {
      phase: "Running",
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: conditions.map((type) => ({ type, status: "True", lastTransitionTime: "2026-11-20T23:15:02Z" })),
    },
  };
}

function managed(conditions: readonly string[]): object {
  const fields = { ".": {}, "f:lastProbeTime": {}, "f:lastTransitionTime": {}, "f:status": {}, "f:type": {} };
  const keys = conditions.map((type) => [`k:{"type":"${type}"}`, fields]);
  return { "f:status": { "f:conditions": Object.fromEntries(keys), "f:hostIP": {}, "f:phase": {}, "f:podIPs": {} } };
}
