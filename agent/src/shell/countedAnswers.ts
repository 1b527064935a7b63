/** Calls of runtimes, counted: how many are under way, and what came of those that are over. */
import type { Answering } from "@brindle/cni/shell";
import type { CniTally } from "../metrics/cniTally.ts";

export class CountedAnswers {
  readonly #tally: Pick<CniTally, "answered">;
  #underWay = 0;
  #answered = 0;

  constructor({ tally }: { readonly tally: Pick<CniTally, "answered"> }) {
    this.#tally = tally;
  }

  /** Also those that nobody waits for any more. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Those that are over. */
  get answered(): number {
    return this.#answered;
  }

  of(plugin: Answering): Answering {
    return {
      replay: () => plugin.replay(),
      answer: async (request, signal) => {
        const sinceMs = performance.now();
        this.#underWay++;
        try {
          const answer = await plugin.answer(request, signal);
          const seconds = (performance.now() - sinceMs) / 1000;
          this.#tally.answered({ command: request.variables.CNI_COMMAND, answer, seconds });
          return answer;
        } finally {
          this.#underWay--;
          this.#answered++;
        }
      },
    };
  }
}
