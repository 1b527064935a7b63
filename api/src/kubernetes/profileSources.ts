/** Profiles are namespaces and service accounts; Kubernetes has no others. */
import { apiVersion } from "../kinds/resource.ts";
import { type Members, textsOf } from "./apiObject.ts";
import { convertedUid } from "./convertedUid.ts";
import { annotationsForPlugin } from "./podEndpoint.ts";
import {
  namespaceOfProfile,
  namespaceProfileName,
  serviceAccountOfProfile,
  serviceAccountProfileName,
} from "./profileNames.ts";
import { keyFor, readingOf } from "./reading.ts";
import { readOnlySource } from "./readOnlySource.ts";
import type { ApiObject, Reading, Source } from "./source.ts";

/** Who is in a namespace may be reached and may reach, until a policy selects it. */
const allowAll = { ingress: [{ action: "Allow" }], egress: [{ action: "Allow" }] };

export const namespaceSource: Source<"Profile"> = readOnlySource({
  kind: "Profile",
  resource: { group: "", version: "v1", plural: "namespaces", kind: "Namespace", namespaced: false },
  read: (namespace) =>
    profile(
      namespaceProfileName(namespace.metadata.name),
      namespace,
      { ...allowAll, labelsToApply: labelsOf("pcns.", namespace) },
      annotationsForPlugin(namespace.metadata.annotations),
    ),
  locate: ({ name }) => {
    const namespace = namespaceOfProfile(name);
    return namespace === null ? null : { name: namespace };
  },
  narrowsToNamespace: false,
});

export const serviceAccountSource: Source<"Profile"> = readOnlySource({
  kind: "Profile",
  resource: { group: "", version: "v1", plural: "serviceaccounts", kind: "ServiceAccount", namespaced: true },
  read: (account) => {
    const { namespace = "default", name } = account.metadata;
    return profile(serviceAccountProfileName(namespace, name), account, { labelsToApply: labelsOf("pcsa.", account) });
  },
  locate: ({ name }) => serviceAccountOfProfile(name),
  narrowsToNamespace: false,
});

function profile(
  name: string,
  { metadata: { uid, creationTimestamp } }: ApiObject,
  spec: Members,
  annotations: Readonly<Record<string, string>> = {},
): Reading<"Profile"> {
  const converted = convertedUid(uid);
  const metadata = {
    name,
    ...(converted !== undefined && { uid: converted }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
  return readingOf("Profile", keyFor("Profile", { name }), { kind: "Profile", apiVersion, metadata, spec });
}

/** With the name beside them, so that a selector can mean one by name. */
function labelsOf(prefix: string, { metadata: { name, labels } }: ApiObject): Readonly<Record<string, string>> {
  const own = Object.entries(textsOf(labels)).map(([label, value]) => [`${prefix}${label}`, value]);
  return { ...Object.fromEntries(own), [`${prefix}projectcalico.org/name`]: name };
}
