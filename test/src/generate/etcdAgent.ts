/**
 * The DaemonSet of the agent where etcd is the datastore: that of Kubernetes with what differs, so that the two cannot
 * drift apart. Word by word, as kustomize's patches would not leave the comments.
 */

/** A line that is there once, and what stands in its place. */
interface Edit {
  readonly line: string;
  readonly becomes: readonly string[];
}

const edits: readonly Edit[] = [
  {
    line: "# The agent of every node. It starts in a second, and pods keep their network while it is away.",
    becomes: [
      "# Made by `npm run generate` of ../kubernetes/agent.yaml.",
      "# The agent of every node, with etcd as the datastore. It starts in a second, and pods keep their network while it is away.",
    ],
  },
  // What the ConfigMap of files says.
  { line: "            # The agent's, and that of a brindlectl that is run here.", becomes: [] },
  { line: "            - { name: DATASTORE_TYPE, value: kubernetes }", becomes: [] },
  {
    line: "          env:",
    becomes: [
      "          # Where etcd is says ConfigMap brindle-etcd, which is yours, and in no manifest: no apply overwrites it.",
      "          envFrom:",
      "            - configMapRef: { name: brindle-etcd-files }",
      "            - configMapRef: { name: brindle-etcd }",
      "            # ETCD_USERNAME and ETCD_PASSWORD, for an etcd that asks for them.",
      "            - secretRef: { name: brindle-etcd-user, optional: true }",
      "          env:",
    ],
  },
  {
    line: "            - { name: state, mountPath: /var/lib/brindle }",
    becomes: [
      "            - { name: state, mountPath: /var/lib/brindle }",
      "            - { name: etcd-secrets, mountPath: /etc/brindle/etcd, readOnly: true }",
    ],
  },
  {
    line: "        # Deletions of pods that could not be done yet.",
    becomes: [
      "        # etcd's authority, our certificate and its key; renewed ones count as soon as they are here.",
      "        - { name: etcd-secrets, secret: { secretName: brindle-etcd-secrets, defaultMode: 256 } } # 0400",
      "        # Deletions of pods that could not be done yet.",
    ],
  },
];

export function etcdAgent(kubernetesAgent: string): string {
  return edits.reduce(edited, kubernetesAgent);
}

function edited(text: string, { line, becomes }: Edit): string {
  const parts = text.split(`${line}\n`);
  if (parts.length !== 2) throw new Error(`manifests/kubernetes/agent.yaml has ${parts.length - 1} times: ${line}`);
  return parts.join(becomes.map((instead) => `${instead}\n`).join(""));
}
