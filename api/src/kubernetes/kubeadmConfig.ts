/** What kubeadm noted of the cluster that it made: the ConfigMap `kubeadm-config` of the namespace kube-system. */
import { parseDocument } from "yaml";
import { entriesOf, members, textOf } from "./apiObject.ts";
import type { ApiName, ApiObject, ApiResource } from "./source.ts";

export const configMaps: ApiResource = {
  group: "",
  version: "v1",
  plural: "configmaps",
  kind: "ConfigMap",
  namespaced: true,
};

export const kubeadmConfig: ApiName = { namespace: "kube-system", name: "kubeadm-config" };

/** The ranges of pods, as `kubeadm init --pod-network-cidr` was given them; none where it was given none. */
export function podSubnetsOf(configMap: ApiObject): readonly string[] {
  return subnetsOf(configMap, "podSubnet");
}

/** The ranges of Services; kubeadm always writes the one that it takes by itself. */
export function serviceSubnetsOf(configMap: ApiObject): readonly string[] {
  return subnetsOf(configMap, "serviceSubnet");
}

function subnetsOf(configMap: ApiObject, name: "podSubnet" | "serviceSubnet"): readonly string[] {
  const text = textOf(members(configMap.data).ClusterConfiguration);
  if (text === undefined) return [];
  const document = parseDocument(text, { prettyErrors: false });
  if (document.errors.length > 0) return [];
  const { networking } = members(document.toJS());
  const value = members(networking)[name];
  const subnets = entriesOf(typeof value === "string" ? value.split(",") : []);
  return subnets.map((subnet) => String(subnet).trim()).filter((subnet) => subnet !== "");
}
