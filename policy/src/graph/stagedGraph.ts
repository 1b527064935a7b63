/**
 * The chains that a node would have with what is staged in force. It is told all that the graph in force is told, and the
 * stages beside it; what comes of it is never enforced.
 */
import type { Key, PolicyDirection } from "@brindle/api";
import { formatPolicyName, type PolicyName } from "../cluster.ts";
import { ChainVerdicts } from "../observe/chainVerdicts.ts";
import type { FilterSettings } from "../render/settings.ts";
import { type StagedChange, type StagedPolicy, stagedChange } from "../staged.ts";
import { PolicyGraph, type PolicyUpdate } from "./policyGraph.ts";

/** As `withStaged` has them: of two stages of one policy the one of the later kind counts. */
export const stagedKinds: readonly StagedPolicy["kind"][] = [
  "StagedNetworkPolicy",
  "StagedGlobalNetworkPolicy",
  "StagedKubernetesNetworkPolicy",
];

interface Stage extends StagedChange {
  /** `StagedNetworkPolicy shop/db`, and what it does where it takes a policy away. */
  readonly title: string;
  readonly kind: StagedPolicy["kind"];
}

export class StagedGraph {
  /** What is behind Services is told to it. */
  readonly graph: PolicyGraph;
  /** By what they are called. */
  readonly #stages = new Map<string, Stage>();
  /** By the name of the policy. */
  readonly #stagesOf = new Map<string, readonly Stage[]>();
  /** Policies that are in force, as they were told. */
  readonly #told = new Map<string, PolicyUpdate>();

  constructor(node: string) {
    this.graph = new PolicyGraph({ node });
  }

  receive(update: PolicyUpdate): void {
    const target = targetOf(update.key);
    const name = target && formatPolicyName(target);
    if (name !== null && (update.value || update.unreadable)) this.#told.set(name, update);
    else if (name !== null) this.#told.delete(name);
    if (name === null || !this.#stagesOf.has(name)) this.graph.receive(update);
  }

  /** `null` for one that is gone, or that nobody can read. */
  receiveStage({ kind, namespace, name }: Key<StagedPolicy["kind"]>, stage: StagedPolicy | null): void {
    const title = namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
    const before = this.#stages.get(title);
    const change = stage && stagedChange(stage);
    if (change) this.#stages.set(title, { ...change, title: change.policy ? title : `${title} (Delete)`, kind });
    else this.#stages.delete(title);
    const targets = [before?.target, change?.target].flatMap((target) => target ?? []);
    for (const target of targets) this.#stand(target);
  }

  get isEmpty(): boolean {
    return this.#stages.size === 0;
  }

  /** Of what it has been told until now. */
  verdicts(settings: FilterSettings): ChainVerdicts {
    this.graph.setFilterSettings(settings);
    return new ChainVerdicts(this.graph.desired());
  }

  /** What is staged for a policy, in words; `null` where nothing is. */
  stageOf(policy: PolicyName): string | null {
    return this.#stagesOf.get(formatPolicyName(policy))?.at(-1)?.title ?? null;
  }

  /** The policies that would select an endpoint of this node and speak of a direction. */
  policiesFor(endpoint: string, direction: PolicyDirection): readonly PolicyName[] {
    return this.graph.policiesFor(endpoint, direction);
  }

  /** What is staged for a policy stands in its place, else what was told of it. */
  #stand(target: PolicyName): void {
    const name = formatPolicyName(target);
    const stages = [...this.#stages.values()]
      .filter((stage) => formatPolicyName(stage.target) === name)
      .sort((a, b) => stagedKinds.indexOf(a.kind) - stagedKinds.indexOf(b.kind));
    const key = keyOf(target);
    const last = stages.at(-1);
    if (last) this.#stagesOf.set(name, stages);
    else this.#stagesOf.delete(name);
    this.graph.receive(last ? { key, value: last.policy } : (this.#told.get(name) ?? { key, value: null }));
  }
}

function targetOf({ kind, namespace, name }: PolicyUpdate["key"]): PolicyName | null {
  const isPolicy = kind === "NetworkPolicy" || kind === "GlobalNetworkPolicy";
  return isPolicy ? { kind, namespace: namespace ?? null, name } : null;
}

function keyOf({ kind, namespace, name }: PolicyName): Key<PolicyName["kind"]> {
  return { kind, name, ...(namespace !== null && { namespace }) };
}
