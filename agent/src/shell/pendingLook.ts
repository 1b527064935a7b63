/** What of the kernel is to be looked at next: what changed, or all of it. */
export interface Look {
  readonly isWhole: boolean;
  readonly changed: readonly string[];
}

export class PendingLook {
  readonly #changed = new Set<string>();
  #isWhole: boolean;

  constructor({ isWhole }: Pick<Look, "isWhole">) {
    this.#isWhole = isWhole;
  }

  add(name: string): void {
    this.#changed.add(name);
  }

  addAll(): void {
    this.#isWhole = true;
  }

  /** What is asked for meanwhile is the next look's; what a failed one did not come to is looked at with all else. */
  async take(look: (asked: Look) => Promise<void>): Promise<void> {
    const asked: Look = { isWhole: this.#isWhole, changed: [...this.#changed] };
    this.#isWhole = false;
    this.#changed.clear();
    try {
      await look(asked);
    } catch (error) {
      this.#isWhole = true;
      throw error;
    }
  }
}
