import { labels } from "./fields.ts";
import { type KindDefinition, nameColumn } from "./kind.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { egressRules, ingressRules, type Rule, unsupportedInProfileRules } from "./rule.ts";
import { field, object, optional } from "./schema.ts";

export interface ProfileSpec {
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
  readonly labelsToApply?: Readonly<Record<string, string>>;
}

export type Profile = Resource<"Profile", ProfileSpec>;

export const profileKind: KindDefinition<Profile> = {
  apiVersion,
  kind: "Profile",
  plural: "profiles",
  description: "Labels and rules that endpoints have for being in a namespace or for using a service account.",
  aliases: ["pro", "pros"],
  namespaced: false,
  spec: object<ProfileSpec>({
    ingress: optional(
      field(ingressRules, "What endpoints with the profile may receive, where no policy selects them."),
    ),
    egress: optional(field(egressRules, "What endpoints with the profile may send, where no policy selects them.")),
    labelsToApply: optional(field(labels, "Labels that endpoints with the profile have, for selectors.")),
  }),
  unsupported: [...unsupportedInProfileRules("ingress"), ...unsupportedInProfileRules("egress")],
  whileWithheld: "the profile allows nothing",
  check: ({ metadata: { name } }) =>
    name === defaultAllowProfile.metadata.name
      ? [{ path: "metadata.name", value: name, reason: "is built in and cannot be written" }]
      : [],
  withDefaults: (profile) => profile,
  columns: [nameColumn],
  wideColumns: [
    nameColumn,
    {
      header: "LABELS",
      cell: ({ spec }) =>
        Object.entries(spec.labelsToApply ?? {})
          .map(([name, value]) => `${name}=${value}`)
          .join(","),
    },
  ],
};

/** What an endpoint without a namespace's profile has. Every datastore tells it, and none stores it. */
export const defaultAllowProfile: Profile = {
  kind: "Profile",
  apiVersion,
  metadata: { name: "projectcalico-default-allow" },
  spec: { ingress: [{ action: "Allow" }], egress: [{ action: "Allow" }] },
};
