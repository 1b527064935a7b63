/** Calls of runtimes, counted: how many are under way, and what came of those that are over. */
import type { Answering } from "@brindle/cni/shell";
import type { CniTally } from "../metrics/cniTally.ts";

export class CountedAnswers {
  readonly #tally: Pick<CniTally, "answered">;
  #underWay = 0;
  #podsWork = 0;

  constructor({ tally }: { readonly tally: Pick<CniTally, "answered"> }) {
    this.#tally = tally;
  }

  /** Also those that nobody waits for any more. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Those by which a pod came or went. */
  get podsWork(): number {
    return this.#podsWork;
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
          const command = request.variables.CNI_COMMAND;
          this.#tally.answered({ command, answer, seconds });
          if ((command === "ADD" || command === "DEL") && answer.exitCode === 0) this.#podsWork++;
          return answer;
        } finally {
          this.#underWay--;
        }
      },
    };
  }
}
