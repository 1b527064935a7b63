/** What is printed: results in the form of the configuration's version, and errors. */
import { type Address, formatAddress, formatPrefix, hostPrefix } from "@brindle/net";
import type { Attachment } from "./attachment.ts";
import { type CniFailure, errorNumbers } from "./error.ts";
import type { Wired } from "./ports.ts";
import type { Answer } from "./relay.ts";
import { type CniVersion, isSince, supportedVersions } from "./versions.ts";

export const silentSuccess: Answer = { exitCode: 0, stdout: "" };

export const versionAnswer: Answer = success({ cniVersion: supportedVersions.at(-1), supportedVersions });

export interface Added {
  readonly attachment: Attachment;
  readonly addresses: readonly Address[];
  readonly wired: Wired;
}

/**
 * `ips[].interface` counts the interfaces: the container's is the second. 1.0.0 took the family of an address away, 1.1.0
 * added the MTU.
 */
export function addAnswer(version: CniVersion, { attachment, addresses, wired }: Added): Answer {
  const mtu = isSince(version, "1.1.0") ? { mtu: wired.mtu } : {};
  const gateway = (address: Address) => wired.gateways.find((candidate) => candidate.family === address.family);
  return success({
    cniVersion: version,
    interfaces: [
      { name: attachment.hostInterface, mac: wired.hostMac, ...mtu },
      { name: attachment.interfaceName, mac: attachment.mac, ...mtu, sandbox: attachment.netns },
    ],
    ips: addresses.map((address) => {
      const via = gateway(address);
      return {
        ...(isSince(version, "1.0.0") ? {} : { version: String(address.family) }),
        address: formatPrefix(hostPrefix(address)),
        ...(via ? { gateway: formatAddress(via) } : {}),
        interface: 1,
      };
    }),
    routes: wired.gateways
      .filter(({ family }) => wired.defaultFamilies.includes(family))
      .map((via) => ({ dst: via.family === 4 ? "0.0.0.0/0" : "::/0", gw: formatAddress(via) })),
    dns: {},
  });
}

/** The exit code is 1 for every error: the runtime reads the number in the JSON. */
export function errorAnswer(version: CniVersion, failure: CniFailure): Answer {
  const { code, message, details } = failure;
  const error = { cniVersion: version, code: errorNumbers[code], msg: message, ...(details ? { details } : {}) };
  return { exitCode: 1, stdout: `${JSON.stringify(error)}\n` };
}

function success(result: unknown): Answer {
  return { exitCode: 0, stdout: `${JSON.stringify(result)}\n` };
}
