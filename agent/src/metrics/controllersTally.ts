/** What the controllers of this process did, and what they found. */
import { Counts } from "./counts.ts";
import type { Sample } from "./metric.ts";

/** Of addresses that nobody else gives back, by what is wrong with them. */
export interface AddressFindings {
  readonly duplicates: number;
  readonly leaks: number;
  readonly orphanHandles: number;
}

export class ControllersTally {
  isLeader = false;
  readonly runs: Counts = new Counts("controller");
  readonly failures: Counts = new Counts("controller");
  readonly repairs: Counts = new Counts("controller");
  /** By what was done. */
  readonly carried: Counts = new Counts("controller", "op");
  conditionsWritten = 0;
  readonly #findings = new Map<string, AddressFindings>();

  /** All that this controller finds, in place of what it found before. */
  found(controller: string, findings: AddressFindings): void {
    this.#findings.set(controller, findings);
  }

  /** What it found may be somebody else's to find from now on. */
  ended(controller: string): void {
    this.#findings.delete(controller);
  }

  findings(): Sample[] {
    return [...this.#findings].flatMap(([controller, { duplicates, leaks, orphanHandles }]) =>
      Object.entries({ duplicate: duplicates, leak: leaks, orphan_handle: orphanHandles }).map(([kind, value]) => {
        return { labels: { controller, kind }, value };
      }),
    );
  }
}
