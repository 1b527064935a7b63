/** The endpoint that a Pod is, as Calico reads it. */
import { hash } from "node:crypto";
import { formatPrefix, hostPrefix, networkOf, parseAddress, parseCidr } from "@brindle/net";
import { parseJson } from "../json/json.ts";
import { apiVersion } from "../kinds/resource.ts";
import { workloadEndpointName } from "../kinds/workloadEndpointName.ts";
import type { Key } from "../store/store.ts";
import { entriesOf, isMembers, type Members, members, textOf, textsOf } from "./apiObject.ts";
import { readPodQos } from "./podQos.ts";
import { namespaceProfileName, serviceAccountProfileName } from "./profileNames.ts";
import { readingOf, undecodable } from "./reading.ts";
import type { ApiObject, Reading } from "./source.ts";

/** What the CNI plugin writes. */
export const podAnnotations = {
  address: "cni.projectcalico.org/podIP",
  addresses: "cni.projectcalico.org/podIPs",
  container: "cni.projectcalico.org/containerID",
} as const;

/** In an endpoint: of which of the pods that have this name one after the other it is. */
export const podUidAnnotation = "brindle.network/pod-uid";

/** Amazon's plugin has its own. */
const awsAddresses = "vpc.amazonaws.com/pod-ips";
/** Multus tells there of a pod's other interfaces. */
const networkStatus = "k8s.v1.cni.cncf.io/network-status";
const floatingAddresses = "cni.projectcalico.org/floatingIPs";
const allowedSources = "cni.projectcalico.org/allowedSourcePrefixes";

/** What a pod, or for some its namespace, asks of the CNI plugin. Kept in the endpoint, where the plugin finds it. */
const askedOfPlugin =
  /^(cni\.projectcalico\.org\/(ipAddrs|ipAddrsNoIpam|ipv4pools|ipv6pools|ipFamilies|floatingIPs|allowedSourcePrefixes|hwAddr)$|qos\.projectcalico\.org\/|kubernetes\.io\/(in|e)gress-bandwidth$)/;

export function annotationsForPlugin(annotations: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(textsOf(annotations)).filter(([name]) => askedOfPlugin.test(name)));
}

const orchestrator = "k8s";
const endpoint = "eth0";

/** What a Pod asks for, with the addresses that its container is being given, whatever is told of earlier ones. */
export function readAddedPod(
  { status: _earlier, ...pod }: ApiObject,
  addresses: readonly string[],
): Reading<"WorkloadEndpoint"> {
  const {
    [podAnnotations.address]: _address,
    [podAnnotations.addresses]: _addresses,
    ...others
  } = textsOf(pod.metadata.annotations);
  const given = addresses.length > 0 ? { [podAnnotations.addresses]: addresses.join(",") } : {};
  const { managedFields: _ofBefore, ...metadata } = pod.metadata;
  return readPod({ ...pod, metadata: { ...metadata, annotations: { ...others, ...given } } });
}

export function readPod({ metadata, ...pod }: ApiObject): Reading<"WorkloadEndpoint"> {
  const { name, namespace = "default" } = metadata;
  const spec = members(pod.spec);
  const annotations = believed(metadata);
  const node = textOf(spec.nodeName);
  const isTornDown = annotations[podAnnotations.address] === "" || annotations[awsAddresses] === "";
  if (node === undefined || spec.hostNetwork === true || isTornDown) return { type: "absent" };

  const serviceAccount = textOf(spec.serviceAccountName);
  const addresses = isFinished(pod.status) ? [] : addressesOf(pod.status, annotations).map(asHostPrefix);
  const faults: string[] = [];
  const floating = listIn(annotations, floatingAddresses, faults);
  const sources = listIn(annotations, allowedSources, faults);
  const nats = natsOf(floating, addresses);
  const { controls } = readPodQos(annotations);
  const ports = [...portsOf(spec.containers), ...portsOf(spec.initContainers)];
  const key: Key<"WorkloadEndpoint"> = {
    kind: "WorkloadEndpoint",
    namespace,
    name: workloadEndpointName({ node, orchestrator, pod: name, endpoint }),
  };
  const containerID = textOf(annotations[podAnnotations.container]);
  const document = {
    kind: "WorkloadEndpoint",
    apiVersion,
    metadata: metadataOf(key, { metadata, annotations, serviceAccount }),
    spec: {
      orchestrator,
      node,
      ...(containerID !== undefined && { containerID }),
      pod: name,
      endpoint,
      ...(serviceAccount !== undefined && { serviceAccountName: serviceAccount }),
      ...(addresses.length > 0 && { ipNetworks: addresses }),
      ...(nats.length > 0 && { ipNATs: nats }),
      profiles: [
        namespaceProfileName(namespace),
        ...(serviceAccount === undefined ? [] : [serviceAccountProfileName(namespace, serviceAccount)]),
      ],
      interfaceName: interfaceNameOf(namespace, name),
      ...(ports.length > 0 && { ports }),
      ...(sources.length > 0 && { allowSpoofedSourcePrefixes: sources.map(asNetwork) }),
      ...(controls && { qosControls: controls }),
    },
  };
  return faults.length > 0
    ? undecodable(key, faults.join("; "), document)
    : readingOf("WorkloadEndpoint", key, document);
}

/**
 * Without what only a network plugin may say. A plugin says it by way of the pod's status, which its own user may not write; what the
 * user wrote into the pod's template would else be taken for its address before it has one, whosever that is.
 */
function believed({ annotations, managedFields }: ApiObject["metadata"]): Readonly<Record<string, string>> {
  const texts = textsOf(annotations);
  const own = pluginsOwn.filter((name) => texts[name] !== undefined);
  if (own.length === 0) return texts;
  const writers = entriesOf(managedFields).map(members);
  const isForged = (name: string) => {
    const ofIt = writers.filter(({ fieldsV1 }) => writesAnnotation(fieldsV1, name));
    return ofIt.length > 0 && !ofIt.some(({ subresource }) => subresource === "status");
  };
  const forged = new Set(own.filter(isForged));
  return forged.size === 0 ? texts : Object.fromEntries(Object.entries(texts).filter(([name]) => !forged.has(name)));
}

const pluginsOwn: readonly string[] = Object.values(podAnnotations);

/** As the API server notes who wrote which field. */
function writesAnnotation(fields: unknown, name: string): boolean {
  return members(members(members(fields)["f:metadata"])["f:annotations"])[`f:${name}`] !== undefined;
}

/** It runs no more, and its address may be another's; the Pod may stay for long. */
function isFinished(status: unknown): boolean {
  return ["Succeeded", "Failed", "Completed"].includes(textOf(members(status).phase) ?? "");
}

/** The kubelet's word goes before the plugin's, which is there earlier. */
function addressesOf(status: unknown, annotations: Readonly<Record<string, string>>): readonly string[] {
  const { podIPs, podIP } = members(status);
  const all = entriesOf(podIPs).flatMap((entry) => textOf(members(entry).ip) ?? []);
  if (all.length > 0) return all;
  const noted = [
    podIP,
    annotations[podAnnotations.addresses],
    annotations[podAnnotations.address],
    annotations[awsAddresses],
  ];
  return (
    noted
      .map(textOf)
      .find((text) => text !== undefined)
      ?.split(",") ?? []
  );
}

/** What is no address stays as it is, and is then named as what is wrong. */
function asHostPrefix(text: string): string {
  const address = parseAddress(text);
  return address ? formatPrefix(hostPrefix(address)) : text;
}

function asNetwork(text: string): string {
  const cidr = parseCidr(text);
  return cidr ? formatPrefix(networkOf(cidr)) : text;
}

function listIn(annotations: Readonly<Record<string, string>>, name: string, faults: string[]): readonly string[] {
  const text = textOf(annotations[name]);
  if (text === undefined) return [];
  const list = parsed(text);
  if (Array.isArray(list) && list.every((entry) => typeof entry === "string")) return list;
  faults.push(`metadata.annotations["${name}"]: ${JSON.stringify(text)} is no list of texts in JSON`);
  return [];
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** Each floating address stands for the pod's own of the same family. */
function natsOf(floating: readonly string[], addresses: readonly string[]): Members[] {
  return floating.flatMap((externalIP) => {
    const own = addresses.findLast((address) => address.includes(":") === externalIP.includes(":"));
    return own === undefined ? [] : [{ internalIP: own.replace(/\/\d+$/, ""), externalIP }];
  });
}

const protocols: readonly unknown[] = ["TCP", "UDP", "SCTP"];

/** What a policy may name, and what the node forwards. */
function portsOf(containers: unknown): Members[] {
  const ports = entriesOf(containers).flatMap((container) => entriesOf(members(container).ports));
  return ports
    .filter(isMembers)
    .flatMap(({ containerPort, name = "", protocol = "TCP", hostPort = 0, hostIP = "" }) => {
      const isMeant = Boolean(containerPort) && (name !== "" || hostPort !== 0) && protocols.includes(protocol);
      return isMeant ? [{ name, protocol, port: containerPort, hostPort, hostIP }] : [];
    });
}

/** A longer name is no value of a label, so it has none. */
const labelLengthMax = 63;

function metadataOf(
  { namespace = "", name }: Key<"WorkloadEndpoint">,
  pod: {
    readonly metadata: ApiObject["metadata"];
    readonly annotations: Readonly<Record<string, string>>;
    readonly serviceAccount: string | undefined;
  },
): Members {
  const { uid, creationTimestamp, labels, generateName } = pod.metadata;
  const status = pod.annotations[networkStatus];
  const annotations = {
    ...annotationsForPlugin(pod.annotations),
    ...(status !== undefined && { [networkStatus]: status }),
    ...(uid !== undefined && { [podUidAnnotation]: uid }),
  };
  const isLabelled = pod.serviceAccount !== undefined && pod.serviceAccount.length < labelLengthMax;
  return {
    name,
    namespace,
    ...(uid !== undefined && { uid }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
    labels: {
      ...textsOf(labels),
      "projectcalico.org/namespace": namespace,
      "projectcalico.org/orchestrator": orchestrator,
      ...(isLabelled && { "projectcalico.org/serviceaccount": pod.serviceAccount }),
    },
    ...(Object.keys(annotations).length > 0 && { annotations }),
    ...(generateName !== undefined && { generateName }),
  };
}

function interfaceNameOf(namespace: string, pod: string): string {
  return `cali${hash("sha1", `${namespace}.${pod}`).slice(0, 11)}`;
}
