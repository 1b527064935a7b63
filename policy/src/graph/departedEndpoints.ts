/**
 * Pods of this node that are gone, as long as their chains are kept for the next ones: one of the same Deployment, or of
 * another Job like it, then needs no commit of tables. They have no addresses and are in no set; what policies make of them
 * is what it would be were they still there.
 */
import { decisionsOf, type LocalEndpoint } from "./endpointEnds.ts";
import { addressesOf, type EndpointView } from "./endpointViews.ts";
import { FollowedLists } from "./listChanges.ts";

/** Of different lists of policies; a node has some hundred pods. */
const departedMax = 64;

export class DepartedEndpoints {
  readonly #views = new Map<string, EndpointView>();
  /** Those that were here at the last look. */
  #old: ReadonlySet<string> = new Set();
  readonly #local = new FollowedLists<LocalEndpoint>();
  /** How many of those that are here have which decisions. */
  readonly #decisions = new Map<string | null, number>();
  readonly #onMember: (id: string, view: EndpointView | null) => void;

  /** `onMember` hears of each that comes and goes, by ids that no endpoint has. */
  constructor(onMember: (id: string, view: EndpointView | null) => void) {
    this.#onMember = onMember;
  }

  entries(): readonly (readonly [string, EndpointView])[] {
    return [...this.#views];
  }

  /** Two of which policies make the same are one. */
  add(view: EndpointView): void {
    const families = new Set(addressesOf(view).map(({ family }) => family));
    const id = `departed ${JSON.stringify([Object.entries(view.labels).sort(), view.parents, [...families].sort()])}`;
    this.#views.delete(id); // So that it comes last.
    this.#views.set(id, view);
    this.#onMember(id, view);
    const [first] = this.#views.keys();
    if (this.#views.size > departedMax && first !== undefined) this.#forget(first);
  }

  /** Those for which there are chains already need not be kept. Answers the others. */
  forgetAlike(local: readonly LocalEndpoint[], departed: readonly LocalEndpoint[]): readonly LocalEndpoint[] {
    const { added, removed } = this.#local.update(local);
    for (const endpoint of added) this.#count(decisionsOf(endpoint), 1);
    for (const endpoint of removed) this.#count(decisionsOf(endpoint), -1);
    const known = new Set<string | null>();
    return departed.filter((endpoint) => {
      const decisions = decisionsOf(endpoint);
      const isAlike = this.#decisions.has(decisions) || known.has(decisions);
      if (isAlike) this.#forget(endpoint.id);
      known.add(decisions);
      return !isAlike;
    });
  }

  /** Those that were here at the last call already. Answers whether there were any. */
  forgetAged(): boolean {
    const aged = [...this.#views.keys()].filter((id) => this.#old.has(id));
    for (const id of aged) this.#forget(id);
    this.#old = new Set(this.#views.keys());
    return aged.length > 0;
  }

  #count(decisions: string | null, change: 1 | -1): void {
    const count = (this.#decisions.get(decisions) ?? 0) + change;
    if (count === 0) this.#decisions.delete(decisions);
    else this.#decisions.set(decisions, count);
  }

  #forget(id: string): void {
    this.#views.delete(id);
    this.#onMember(id, null);
  }
}
