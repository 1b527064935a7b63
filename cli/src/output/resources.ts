/** Resources in the forms of `get -o`. */
import {
  type AnyResource,
  type Column,
  type ColumnContext,
  type KindDefinition,
  type ReadableKind,
  readableKinds,
} from "@brindle/api";
import type { OutputForm } from "./form.ts";
import { formatStructure } from "./structure.ts";
import { formatTable, type TableColumn } from "./table.ts";

/** What was found of one kind. */
export interface Found {
  readonly kind: ReadableKind;
  readonly resources: readonly AnyResource[];
  /** Of the datastore when they were read; absent when each was read by its name. */
  readonly resourceVersion?: string;
}

export interface ResourceOutput {
  readonly form: OutputForm;
  /** A column for the namespace comes first. */
  readonly withNamespace: boolean;
  /** One resource by itself, not a list of one. */
  readonly single: boolean;
  readonly context: ColumnContext;
}

export function formatResources(found: readonly Found[], output: ResourceOutput): string {
  const { form } = output;
  if (form === "yaml" || form === "json") return formatStructure(structureOf(found, output), form);
  return found.map((part) => formatKind(part, { ...output, isWide: form === "wide" })).join("\n\n");
}

function formatKind({ kind, resources }: Found, output: ResourceOutput & { readonly isWide: boolean }): string {
  const definition: KindDefinition = readableKinds[kind];
  const columns = (output.isWide ? definition.wideColumns : definition.columns).map(
    (column: Column<AnyResource>): TableColumn<AnyResource> => ({
      header: column.header,
      cell: (resource) => column.cell(resource, output.context),
    }),
  );
  return formatTable(
    output.withNamespace && definition.namespaced ? [namespaceColumn, ...columns] : columns,
    resources,
  );
}

const namespaceColumn: TableColumn<AnyResource> = {
  header: "NAMESPACE",
  cell: ({ metadata }) => metadata.namespace ?? "",
};

/** A list of one kind is a `NodeList`, as in Calico's client; one of several is a `List`, as in Kubernetes. */
function structureOf(found: readonly Found[], { single }: ResourceOutput): unknown {
  const [first] = found;
  const items = found.flatMap(({ resources }) => resources).map(inOrder);
  if (single && items.length === 1) return items[0];
  const resourceVersion = found.length === 1 ? first?.resourceVersion : undefined;
  return {
    apiVersion: found.length === 1 ? "projectcalico.org/v3" : "v1",
    kind: found.length === 1 ? `${first?.kind ?? ""}List` : "List",
    metadata: resourceVersion === undefined ? {} : { resourceVersion },
    items,
  };
}

/** As people write it; stored is the kind before the version. */
function inOrder(resource: AnyResource): object {
  const { apiVersion, kind, metadata, spec, ...rest } = resource;
  return { apiVersion, kind, metadata, spec, ...rest };
}
