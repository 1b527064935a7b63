/** What Services there are, and what is behind them, at one moment. */
import { type EndpointSlice, endpointSliceResource, readEndpointSlice } from "../../kubernetes/endpointSlice.ts";
import { readServiceObject, type Service, serviceResource } from "../../kubernetes/service.ts";
import type { KubernetesApi } from "./kubernetesApi.ts";
import { listed } from "./listed.ts";

export interface ServicesAndSlices {
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
}

/** Rejects with a `StoreError`. */
export async function readServicesAndSlices(api: Pick<KubernetesApi, "follow">): Promise<ServicesAndSlices> {
  const [services, slices] = await Promise.all([
    listed(api, serviceResource, readServiceObject),
    listed(api, endpointSliceResource, readEndpointSlice),
  ]);
  return { services: [...services.values()], endpointSlices: [...slices.values()].flatMap((slice) => slice ?? []) };
}
