/** Objects of the API server by path: read, listed in pages, written. Failures are `StoreError`s. */
import { parseJson } from "../../json/json.ts";
import type { ApiFailure, Request } from "../../kubernetes/apiFailure.ts";
import { apiPath } from "../../kubernetes/apiPath.ts";
import { resourceName } from "../../kubernetes/resourceName.ts";
import type { ApiName, ApiObject, ApiRequest, ApiResource, Narrowing } from "../../kubernetes/source.ts";
import { storeErrorOf } from "../../kubernetes/storeFailure.ts";
import { pageOf } from "../../kubernetes/watchLine.ts";
import { StoreError } from "../../store/error.ts";
import type { ApiAnswer, ApiClient } from "./apiClient.ts";

export interface ObjectListing {
  readonly objects: readonly ApiObject[];
  readonly resourceVersion: string;
}

export type Sent =
  | { readonly kind: "done"; readonly object: ApiObject }
  | { readonly kind: "failed"; readonly failure: ApiFailure };

export class Objects {
  readonly #client: ApiClient;
  readonly #pageSize: number;

  constructor(client: ApiClient, pageSize: number) {
    this.#client = client;
    this.#pageSize = pageSize;
  }

  /** `null` where there is no such object, or no such kind of object. */
  async get(resource: ApiResource, name: ApiName): Promise<ApiObject | null> {
    const request = { verb: "get", resource: resourceName(resource), path: apiPath(resource, name) } as const;
    const answer = await this.#client.send(request);
    if (answer.kind === "answered") return objectOf(answer.body);
    if (answer.failure.code === "NOT_FOUND" || answer.failure.code === "NOT_INSTALLED") return null;
    throw storeErrorOf(answer.failure);
  }

  /** All of one moment. A listing whose moment is forgotten half way is begun once more. */
  async list(resource: ApiResource, narrowing: Narrowing): Promise<ObjectListing> {
    const first = await this.#list(resource, narrowing);
    const answer =
      first.kind === "failed" && first.failure.code === "EXPIRED" ? await this.#list(resource, narrowing) : first;
    if (answer.kind === "listed") return answer.listing;
    if (answer.failure.code === "NOT_INSTALLED") return { objects: [], resourceVersion: "0" };
    throw storeErrorOf(answer.failure);
  }

  async send(resource: ApiResource, request: ApiRequest): Promise<Sent> {
    const { method, path, contentType, body } = request;
    const asked: Request = { verb: verbs[method], resource: resourceName(resource) };
    const answer: ApiAnswer = await this.#client.send({ ...asked, path, body: { text: body, type: contentType } });
    if (answer.kind === "failed") return answer;
    return { kind: "done", object: objectOf(answer.body) };
  }

  async #list(resource: ApiResource, { namespace, fieldSelector, labelSelector }: Narrowing) {
    const path = apiPath(resource, namespace === undefined ? {} : { namespace });
    const selectors = { ...(fieldSelector && { fieldSelector }), ...(labelSelector && { labelSelector }) };
    const objects: ApiObject[] = [];
    for (let next: string | undefined; ; ) {
      const query = new URLSearchParams({
        ...selectors,
        limit: `${this.#pageSize}`,
        ...(next !== undefined && { continue: next }),
      });
      const asked: Request = { verb: "list", resource: resourceName(resource) };
      const answer = await this.#client.send({ ...asked, path: `${path}?${query}` });
      if (answer.kind === "failed") return answer;
      const page = pageOf(answer.body, (object) => object as unknown as ApiObject);
      if (!page)
        throw new StoreError({ code: "UNAVAILABLE", reason: `the API server's list of ${asked.resource} is none` });
      for (const { object } of page.items) objects.push(object);
      next = page.continue;
      if (next === undefined)
        return { kind: "listed", listing: { objects, resourceVersion: page.resourceVersion } } as const;
    }
  }
}

const verbs = { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" } as const;

/** Whether it is one of the kind that was asked for, the reader of that kind says. */
function objectOf(body: string): ApiObject {
  try {
    return parseJson(body) as unknown as ApiObject;
  } catch (error) {
    throw new StoreError({ code: "UNAVAILABLE", reason: "the API server's answer is no JSON" }, { cause: error });
  }
}

/** What answers a deletion may have none. */
export function versionOf({ metadata }: ApiObject): string {
  return metadata?.resourceVersion ?? "0";
}
