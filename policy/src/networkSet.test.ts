import { expect, it } from "vitest";
import { labelledSet } from "./networkSet.ts";
import { globalNetworkSetSample, networkSetSample } from "./sampleCluster.ts";

const claim = { app: "office", "projectcalico.org/namespace": "shop" };

it("of a set of the cluster no label says that it is in a namespace", () => {
  const set = globalNetworkSetSample("office", { labels: claim, nets: [] });
  expect(labelledSet(set, () => undefined)).toEqual({ namespace: null, labels: { app: "office" } });
});

it("of a set of a namespace no label says that it is in another", () => {
  const set = networkSetSample("office", { labels: claim, nets: [] }, "default");
  const labels = { app: "office", "projectcalico.org/namespace": "default" };
  expect(labelledSet(set, () => undefined)).toEqual({ namespace: "default", labels });
});
