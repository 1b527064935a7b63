/** What every store must do, done by the Kubernetes store at a real API server. */
import { afterAll, beforeAll } from "vitest";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { describeStoreContract } from "../storeContract/contract.ts";
import { applyCrds } from "./crds.ts";
import { openSubject } from "./storeSubject.ts";

/** Without a watch cache, so that what is compacted is gone. */
let api: KubeApi;
beforeAll(async () => {
  api = await startKubeApi({ watchCache: false });
  await applyCrds(api);
  for (const namespace of ["a", "ab"]) await api.kubectl(["create", "namespace", namespace]);
}, 180_000);
afterAll(() => api?.[Symbol.asyncDispose]());

describeStoreContract("Kubernetes", () => openSubject(api, "projectcalico.org"));
