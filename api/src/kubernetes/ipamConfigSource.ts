/** What etcd keeps as IPAMConfig beside the resource IPAMConfiguration is, on Kubernetes, that resource. */
import { ipamConfigName, ipamConfigOf, ipamConfigurationOf } from "../kinds/ipamConfig.ts";
import type { IPAMConfiguration } from "../kinds/ipamConfiguration.ts";
import { apiVersion } from "../kinds/resource.ts";
import { crdSource } from "./crdSource.ts";
import type { ApiObject, Flavour, Source, StoredWrite } from "./source.ts";

const kind = "IPAMConfig";
const key = { kind, name: ipamConfigName } as const;
const configurationKey = { kind: "IPAMConfiguration", name: ipamConfigName } as const;

export function ipamConfigSource(flavour: Flavour): Source<"IPAMConfig"> {
  const configurations = crdSource("IPAMConfiguration", flavour);
  return {
    ...configurations,
    kind,
    read: (object) => {
      const reading = configurations.read(object);
      if (reading.type === "absent" || reading.key.name !== ipamConfigName) return { type: "absent" };
      return reading.type === "value"
        ? { ...reading, key, value: ipamConfigOf(reading.value.spec) }
        : { ...reading, key };
    },
    locate: ({ name }) => (name === ipamConfigName ? configurations.locate(configurationKey) : []),
    needsCurrent: () => true,
    write: (write, current = null) =>
      configurations.write(configurationWrite(write, configurationIn(configurations, current)), current),
  };
}

function configurationIn(
  configurations: Source<"IPAMConfiguration">,
  current: ApiObject | null,
): IPAMConfiguration | null {
  const reading = current && configurations.read(current);
  return reading?.type === "value" ? reading.value : null;
}

/** What the resource has beside, stays. */
function configurationWrite(
  write: StoredWrite<"IPAMConfig">,
  current: IPAMConfiguration | null,
): StoredWrite<"IPAMConfiguration"> {
  if (write.op === "delete") return { ...write, key: configurationKey };
  const value: IPAMConfiguration = {
    apiVersion,
    kind: "IPAMConfiguration",
    metadata: current?.metadata ?? { name: ipamConfigName },
    spec: { ...current?.spec, ...ipamConfigurationOf(write.value) },
  };
  return { ...write, key: configurationKey, value };
}
