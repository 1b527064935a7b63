import { defineConfig } from "vitest/config";

/**
 * A machine that is busy elsewhere makes tests on the real world late. What fails is tried once more, and said at the end
 * as unsteady, to be looked into; what fails twice fails. Nothing is tried again in `unit`: pure code has no bad days.
 */
const retry = 1;

/** Tests on the real world wait more than they work. */
const maxWorkers = 2;

/**
 * Four projects. `unit` is everything beside the sources: pure, quick, safe in threads. `real` is what needs root and
 * the world (kernel, etcd, routers): forked processes, since entering a namespace concerns a thread for good. `kube` is
 * what needs a kube-apiserver: built at first use, which takes Go. `kubeadm` is what needs a whole cluster of nodes:
 * `npm run test:kubeadm` alone runs it, one file after the other, since each is as much as a machine carries.
 */
export default defineConfig({
  resolve: { conditions: ["brindle-source"] },
  ssr: { resolve: { conditions: ["brindle-source", "node"] } },
  test: {
    // Not within its one second: see test/src/run/patience.ts.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["{net,api,bgp,ipam,policy,cni,agent,cli}/src/**/*.test.ts"],
          pool: "threads",
          // What is pure needs no modules of its own: three quarters of the time were their loading, file by file.
          isolate: false,
          testTimeout: 30_000,
          setupFiles: ["test/src/run/patience.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "real",
          maxWorkers,
          include: ["test/src/**/*.test.ts"],
          exclude: ["test/src/kube/**", "test/src/kubeadm/**"],
          pool: "forks",
          execArgv: ["--conditions=brindle-source"],
          retry,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: "kube",
          maxWorkers,
          include: ["test/src/kube/**/*.test.ts"],
          globalSetup: ["test/src/fixtures/kube/globalSetup.ts"],
          pool: "forks",
          execArgv: ["--conditions=brindle-source"],
          retry,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: "kubeadm",
          include: ["test/src/kubeadm/**/*.test.ts"],
          pool: "forks",
          maxWorkers: 1,
          execArgv: ["--conditions=brindle-source"],
          retry,
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
