/** Keeps in the status of each resource whether it is acted on, and why not: kubectl shows what brindlectl would say. */
import {
  type ApiRequest,
  type ApiResource,
  acceptedConditionRequest,
  conditionedResources,
  storeErrorOf,
} from "@brindle/api";
import type { News } from "@brindle/api/shell";
import { messageOf } from "../../error.ts";
import { CoalescedWork } from "../coalescedWork.ts";
import { untilAborted } from "../untilAborted.ts";
import type { Controller, ControllerContext } from "./controller.ts";

/** Where Kubernetes is the datastore: etcd's resources have no status that anybody shows. */
export const conditions: Controller = {
  name: "conditions",
  settings: ({ datastore }) => (datastore === "kubernetes" ? {} : null),
  run: keepConditions,
};

interface Write {
  readonly resource: ApiResource;
  readonly request: ApiRequest;
}

type ConditionsPorts = Pick<ControllerContext, "api" | "log" | "tally" | "onHealth">;

async function keepConditions(ports: ConditionsPorts, signal: AbortSignal): Promise<void> {
  const writer = new ConditionWriter(ports);
  const followings = conditionedResources.map((resource) =>
    ports.api.follow(
      resource,
      (object) => acceptedConditionRequest(resource, object, new Date()),
      (news) => writer.onNews(resource, news),
    ),
  );
  await untilAborted(signal);
  await Promise.all([...followings.map((following) => following.stop()), writer.end()]);
}

class ConditionWriter {
  readonly #ports: ConditionsPorts;
  /** By path, the newest. */
  readonly #pending = new Map<string, Write>();
  readonly #work: CoalescedWork;
  #isEnded = false;

  constructor(ports: ConditionsPorts) {
    this.#ports = ports;
    this.#work = new CoalescedWork({
      work: () => this.#writeAll(),
      onFailure: (error) => ports.onHealth(messageOf(error)),
    });
  }

  onNews(resource: ApiResource, news: News<ApiRequest | null>): void {
    if (news.type === "away" || news.type === "trouble") {
      this.#ports.log.warn({ resource: resource.plural, reason: news.reason }, news.type);
    }
    if (news.type !== "changed" || !news.item.object) return;
    this.#pending.set(`${resource.plural}.${resource.group} ${news.item.id}`, { resource, request: news.item.object });
    this.#work.ask();
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#work.end();
  }

  /** What fails for one stays pending, and holds up no other. */
  async #writeAll(): Promise<void> {
    let failed: unknown = null;
    for (const [name, write] of this.#pending) {
      if (this.#isEnded) return;
      try {
        await this.#write(name, write);
        if (this.#pending.get(name) === write) this.#pending.delete(name);
      } catch (error) {
        failed ??= error;
      }
    }
    if (failed) throw failed;
    this.#ports.onHealth(null);
  }

  async #write(name: string, { resource, request }: Write): Promise<void> {
    const { api, log, tally } = this.#ports;
    const sent = await api.send(resource, request);
    if (sent.kind === "done") {
      tally.conditionsWritten += 1;
      return log.debug({ object: name }, "condition written");
    }
    const { code, reason } = sent.failure;
    switch (code) {
      case "CONFLICT":
      case "NOT_FOUND":
        return; // It was changed or deleted meanwhile, and that is told.
      case "NOT_INSTALLED":
      case "INVALID":
        return log.warn({ object: name, reason }, "no condition can be written");
      default:
        throw storeErrorOf(sent.failure);
    }
  }
}
