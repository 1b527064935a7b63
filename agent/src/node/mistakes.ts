/**
 * What can be wrong with a cluster or a node that Brindle is brought to: one row each, from which follow the Event, the
 * condition of the Node, the words at `/readiness`, the lines of `brindlectl status` and docs/troubleshooting.md.
 */
import type { AgentPart } from "@brindle/api";

export interface MistakeRow {
  /** The part of the agent that is not ready for it. */
  readonly part: AgentPart;
  /** `noticed`: pods get their network all the same. */
  readonly effect: "unready" | "noticed";
  /** In general; what is wrong here and now is said by the text of a `Mistake`. */
  readonly words: string;
  /** What a person does. */
  readonly remedy: string;
}

export type MistakeCode =
  | "DatastoreAway"
  | "CredentialsRefused"
  | "RightMissing"
  | "CrdMissing"
  | "CrdOutdated"
  | "OlderCrds"
  | "NodeMissing"
  | "RegistrationRefused"
  | "DatastoreLocked"
  | "ClusterInformationMissing"
  | "NoNodeAddress"
  | "PodCidrMissing"
  | "PodCidrUnreadable"
  | "NodeRangeMissing"
  | "PodCidrOverlapsNodes"
  | "PodCidrOverlapsServices"
  | "AddressesFailing"
  | "ReservationUnreadable"
  | "OtherNetworkList"
  | "OtherNetwork"
  | "NetworkListNotWritable"
  | "CommandMissing"
  | "KernelFeatureMissing"
  | "VethMissing"
  | "CapabilityMissing"
  | "ForwardingNotWritable"
  | "PolicyNotInForce"
  | "RoutesFailing"
  | "BgpConfigurationRefused"
  | "BgpFailing"
  | "BgpPasswordMissing"
  | "HealthPortTaken"
  | "MetricsNotServed"
  | "FlowsNotWatched"
  | "LimitsNotInForce"
  | "SourcesNotFollowed"
  | "CniFailing";

export const mistakes: Readonly<Record<MistakeCode, MistakeRow>> = {
  DatastoreAway: {
    part: "store",
    effect: "unready",
    words: "The datastore does not answer, or not as it should.",
    remedy: "Look after the API server or etcd at the address in the text; the agent goes on by itself.",
  },
  CredentialsRefused: {
    part: "store",
    effect: "unready",
    words: "The API server does not know the agent.",
    remedy: "Apply the manifest again for its service account, or give --kubeconfig a file that is good.",
  },
  RightMissing: {
    part: "store",
    effect: "unready",
    words: "The agent lacks a right that it needs.",
    remedy: "Apply the manifest of this version again: its ClusterRole brindle-agent and the Roles have all of them.",
  },
  CrdMissing: {
    part: "store",
    effect: "unready",
    words: "A CustomResourceDefinition is not installed.",
    remedy: "Apply the manifest of this version again: it has all CRDs.",
  },
  CrdOutdated: {
    part: "store",
    effect: "unready",
    words: "A CustomResourceDefinition is of another version, or not established.",
    remedy:
      "Apply the manifest of this version again; for a name that is in use, delete the other CRD of that name first.",
  },
  OlderCrds: {
    part: "store",
    effect: "unready",
    words: "The cluster has Calico's older CRDs, of crd.projectcalico.org, and the agent has no rights there.",
    remedy:
      "If Calico is gone, delete them (kubectl get crd -o name | grep crd.projectcalico.org); or set CALICO_API_GROUP=projectcalico.org/v3 for the agents and the controllers; or give the role brindle-agent the same rights in that group.",
  },
  NodeMissing: {
    part: "store",
    effect: "unready",
    words: "Kubernetes has no Node of the agent's name.",
    remedy: "Wait for its kubelet to register it; if that has another name, say it with --node or NODENAME.",
  },
  RegistrationRefused: {
    part: "store",
    effect: "unready",
    words: "The datastore does not take what the node says of itself.",
    remedy: "Mend the field that the text names in the Node resource or in the options of the agent.",
  },
  DatastoreLocked: {
    part: "cni",
    effect: "noticed",
    words: "The datastore is locked: no pod gets an address.",
    remedy: "When the migration that locked it is over, run brindlectl datastore unlock.",
  },
  ClusterInformationMissing: {
    part: "store",
    effect: "noticed",
    words:
      "ClusterInformation is deleted, as when all of Brindle is: nothing that is told counts, and no pod gets an address.",
    remedy:
      "Unless Brindle is being removed, restart an agent, which makes it anew: kubectl -n brindle-system delete pod of any one.",
  },
  NoNodeAddress: {
    part: "bgp",
    effect: "unready",
    words: "The node has no address that others could know it by.",
    remedy: "Give an interface of the node an address, or name the one to be used with --ip or --ip6.",
  },
  PodCidrMissing: {
    part: "ipam",
    effect: "unready",
    words: "The cluster has no range of addresses for pods.",
    remedy:
      "Make an IPPool with a range that is free in your network, or start the agents with --ipv4-pool; kubeadm takes the range with --pod-network-cidr.",
  },
  PodCidrUnreadable: {
    part: "ipam",
    effect: "unready",
    words: "The range of pods that kubeadm was given is none.",
    remedy: "Make an IPPool with a range that is free in your network.",
  },
  NodeRangeMissing: {
    part: "ipam",
    effect: "unready",
    words: "The node is to use its podCIDR, and Kubernetes has given it none.",
    remedy:
      "Let the controller manager give ranges to Nodes (--allocate-node-cidrs, --cluster-cidr; kubeadm's --pod-network-cidr does it), or start the agents without USE_POD_CIDR.",
  },
  PodCidrOverlapsNodes: {
    part: "ipam",
    effect: "unready",
    words: "The range of pods overlaps with the network of the nodes.",
    remedy: "Make an IPPool with a range that is used nowhere else, and delete or disable the one that overlaps.",
  },
  PodCidrOverlapsServices: {
    part: "ipam",
    effect: "unready",
    words: "The range of pods overlaps with that of Services.",
    remedy: "Make an IPPool with a range that is used nowhere else, and delete or disable the one that overlaps.",
  },
  AddressesFailing: {
    part: "ipam",
    effect: "unready",
    words: "Addresses cannot be managed.",
    remedy: "Do what the text says.",
  },
  ReservationUnreadable: {
    part: "ipam",
    effect: "noticed",
    words:
      "An IPReservation cannot be read, and the agent never knew what it keeps: a pod gets only addresses that it asks for.",
    remedy:
      "Apply it anew with brindlectl apply, saying what it is to keep: that takes the place of what cannot be read.",
  },
  OtherNetworkList: {
    part: "cni",
    effect: "unready",
    words: "The container runtime takes its pods' network from another plugin: it reads the first list by name.",
    remedy:
      "Remove or rename the file on the node once its network is gone; pods that it has wired are to be made anew.",
  },
  OtherNetwork: {
    part: "policy",
    effect: "unready",
    words: "Another network is at work on the node, or has left its rules, routes or interfaces there.",
    remedy: "Delete the other network's manifest, and then restart the node, or remove from it what the text names.",
  },
  NetworkListNotWritable: {
    part: "cni",
    effect: "unready",
    words: "The network list cannot be put where the container runtime looks for it.",
    remedy: "Make the folder writable, or name the right one with --cni-config-directory.",
  },
  CommandMissing: {
    part: "policy",
    effect: "unready",
    words: "A command that the agent needs is not there.",
    remedy: "Use the image of this version, or install the packages iptables and ipset.",
  },
  KernelFeatureMissing: {
    part: "policy",
    effect: "unready",
    words: "The kernel of the node lacks a feature, without which policy cannot be enforced.",
    remedy: "Load the module on the node (modprobe, /etc/modules-load.d), or use a kernel that has it.",
  },
  VethMissing: {
    part: "cni",
    effect: "unready",
    words: "The kernel of the node has no veth interfaces.",
    remedy: "Load the module on the node (modprobe veth), or use a kernel that has it.",
  },
  CapabilityMissing: {
    part: "policy",
    effect: "unready",
    words: "The agent may not change the network of the node.",
    remedy:
      "Give its container the capabilities NET_ADMIN, SYS_ADMIN, NET_RAW and NET_BIND_SERVICE, as the manifest does; outside of Kubernetes run it as root.",
  },
  ForwardingNotWritable: {
    part: "routes",
    effect: "unready",
    words: "The node cannot be made a router.",
    remedy:
      "Mount the node's /proc/sys/net writable at /host/proc/sys/net, as the manifest does, or set net.ipv4.ip_forward=1 and net.ipv6.conf.all.forwarding=1 on the node.",
  },
  PolicyNotInForce: {
    part: "policy",
    effect: "unready",
    words: "Policy is not in force as it is written.",
    remedy: "Mend the resource that the text names; what was in force before still is, and new pods wait.",
  },
  RoutesFailing: {
    part: "routes",
    effect: "unready",
    words: "A route cannot be written.",
    remedy: "Remove the route of another program that the text names, or that program.",
  },
  BgpConfigurationRefused: {
    part: "bgp",
    effect: "unready",
    words: "A BGPConfiguration asks for what this version does not understand.",
    remedy: "Change the field that the text names; sessions stay as they are until then.",
  },
  BgpFailing: {
    part: "bgp",
    effect: "unready",
    words: "The BGP speaker does not run as it should.",
    remedy: "End another BGP daemon of the node, if its port is taken; else do what the text says.",
  },
  BgpPasswordMissing: {
    part: "bgp",
    effect: "noticed",
    words: "The password of a BGP session is not to be had: the peer is not dialled.",
    remedy:
      "Make the Secret in the agents' namespace (kubectl create secret generic NAME -n brindle-system --from-literal=KEY=...), or mend the reference to it.",
  },
  HealthPortTaken: {
    part: "cni",
    effect: "unready",
    words: "Another program answers the kubelet's probes in the place of the agent.",
    remedy:
      "End that program, perhaps another network's agent, or choose another port by --health-port and in the probes.",
  },
  MetricsNotServed: {
    part: "cni",
    effect: "noticed",
    words: "Prometheus is to be answered, and cannot be.",
    remedy:
      "End the program that has the port, or choose another by prometheusMetricsPort of FelixConfiguration, or by --metrics-address; TLS is not served yet.",
  },
  FlowsNotWatched: {
    part: "policy",
    effect: "noticed",
    words: "Flows that policy denies are not told, or open ones are not ended.",
    remedy:
      "Policy itself is in force. End the program that hears log group 214 of netfilter, or load nfnetlink_log and nf_conntrack_netlink where the kernel lacks them.",
  },
  LimitsNotInForce: {
    part: "cni",
    effect: "noticed",
    words: "A pod that asks for a limit of bandwidth is not limited so.",
    remedy:
      "Take away what limits its interface beside Brindle, or load sch_tbf, sch_ingress, cls_u32, act_mirred and ifb where the kernel lacks them.",
  },
  SourcesNotFollowed: {
    part: "cni",
    effect: "noticed",
    words: "Whether pods may send from addresses that are not theirs was not brought to their interfaces.",
    remedy: "Make /proc/sys/net/ipv4/conf writable for the agent; the text says which setting was refused.",
  },
  CniFailing: {
    part: "cni",
    effect: "unready",
    words: "The agent cannot serve the container runtime.",
    remedy: "Do what the text says.",
  },
};

/** One that was made, or has befallen. */
export interface Mistake {
  readonly code: MistakeCode;
  /** What is wrong here and now, in words; never a secret. */
  readonly text: string;
}

/** What a part says of itself without a name for it. */
export const unnamedMistake: Readonly<Record<AgentPart, MistakeCode>> = {
  store: "DatastoreAway",
  bgp: "BgpFailing",
  routes: "RoutesFailing",
  policy: "PolicyNotInForce",
  ipam: "AddressesFailing",
  cni: "CniFailing",
};
