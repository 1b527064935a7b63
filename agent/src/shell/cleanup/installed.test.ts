import { type ApiObject, StoreError } from "@brindle/api";
import { expect, it } from "vitest";
import { refuseWhileInstalled } from "./installed.ts";

const agents = { namespace: "brindle-system", name: "brindle-agent" };

it("refuses as long as the agents' DaemonSet exists, with what to do", async () => {
  const asked: unknown[] = [];
  const api = {
    get: async (...question: unknown[]): Promise<ApiObject> => {
      asked.push(question);
      return { metadata: agents };
    },
  };
  await expect(refuseWhileInstalled(agents, api)).rejects.toThrow(
    /^DaemonSet brindle-system\/brindle-agent exists: .*kubectl delete -f/,
  );
  expect(asked).toMatchObject([[{ group: "apps", plural: "daemonsets" }, agents]]);
});

it("goes on when it is gone", async () => {
  await refuseWhileInstalled(agents, { get: async () => null });
});

it("refuses where nobody says whether it is gone", async () => {
  const away = new StoreError({ code: "UNAVAILABLE", reason: "the API server is away" });
  await expect(refuseWhileInstalled(agents, { get: () => Promise.reject(away) })).rejects.toThrow(away);
});
