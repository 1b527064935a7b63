/** Specification, "Parameters" and "Network configuration", and the version that is told. */
import assert from "node:assert/strict";
import { failed, succeeded } from "../expect.ts";
import type { Rule } from "../rule.ts";

const environment = 4;

const missing = (variable: string): Rule => ({
  name: `ADD without ${variable} is an error of the environment (4)`,
  run: async (trial) => {
    const container = await trial.container();
    failed(await container.call("ADD", { variables: { [variable]: null } }), [environment]);
  },
});

const invalid = (variable: string, what: string, value: string): Rule => ({
  name: `ADD with ${variable} that ${what} is refused`,
  run: async (trial) => {
    const container = await trial.container();
    failed(await container.call("ADD", { variables: { [variable]: value } }));
  },
});

export const parameterRules: readonly Rule[] = [
  {
    name: "VERSION needs no configuration on stdin",
    run: async (trial) => succeeded(await trial.call("VERSION", { stdin: "" })),
  },
  {
    name: "VERSION lists the versions, this one among them",
    run: async (trial) => {
      const outcome = await trial.call("VERSION", { stdin: JSON.stringify({ cniVersion: trial.version }) });
      succeeded(outcome);
      const { cniVersion, supportedVersions } = JSON.parse(outcome.stdout);
      assert.equal(typeof cniVersion, "string");
      assert(supportedVersions.includes(trial.version), `it lists ${supportedVersions}`);
    },
  },
  {
    name: "a CNI_COMMAND that nobody knows is an error of the environment (4)",
    run: async (trial) => void failed(await trial.call("FROBNICATE"), [environment]),
  },
  ...["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"].map(missing),
  invalid("CNI_CONTAINERID", "is a path", "../../etc/passwd"),
  invalid("CNI_CONTAINERID", "begins with a dot", ".hidden"),
  invalid("CNI_IFNAME", "is longer than 15 bytes", "a123456789012345"),
  invalid("CNI_IFNAME", "holds a slash", "eth/0"),
  invalid("CNI_IFNAME", "holds a colon", "eth:0"),
  invalid("CNI_IFNAME", "holds a space", "eth 0"),
  invalid("CNI_IFNAME", "is two dots", ".."),
  invalid("CNI_NETNS", "is nowhere", "/run/netns/there-is-none"),
  invalid("CNI_NETNS", "is no namespace", "/etc/hostname"),
  {
    name: "unknown CNI_ARGS are passed over with IgnoreUnknown",
    run: async (trial) => {
      const container = await trial.container();
      succeeded(await container.call("ADD", { variables: { CNI_ARGS: "IgnoreUnknown=1;FROBNICATE=yes" } }));
    },
  },
  {
    name: "a configuration that is no JSON is an error of decoding (6)",
    run: async (trial) => {
      const container = await trial.container();
      failed(await container.call("ADD", { stdin: '{"cniVersion": "1.0.0", "name": ' }), [6]);
    },
  },
  {
    name: "a version that the plugin does not speak is an error of the version (1)",
    run: async (trial) => {
      const container = await trial.container();
      failed(await container.call("ADD", { config: { cniVersion: "99.0.0" } }), [1]);
    },
  },
  {
    name: "a configuration without a name is refused",
    run: async (trial) => {
      const container = await trial.container();
      failed(await container.call("ADD", { config: { name: undefined } }));
    },
  },
  {
    name: "a network's name that is a path is refused",
    run: async (trial) => {
      const container = await trial.container();
      failed(await container.call("ADD", { config: { name: "../elsewhere" } }));
    },
  },
  {
    name: "what the specification reserves for runtimes is passed over",
    run: async (trial) => {
      const container = await trial.container();
      const config = { "cni.dev/example": { a: 1 }, runtimeConfig: {}, args: { "example.org": { a: 1 } } };
      succeeded(await container.call("ADD", { config }));
    },
  },
  {
    name: "an error is told in the configuration's version",
    run: async (trial) => {
      const container = await trial.container();
      const error = failed(await container.call("ADD", { variables: { CNI_NETNS: "/run/netns/there-is-none" } }));
      assert.equal(error.cniVersion, trial.version);
    },
  },
];
