/** `status.conditions`, as every kind of Kubernetes has it. */
import type { StructuralSchema } from "./openApiSchema.ts";

export const conditionsSchema: StructuralSchema = {
  description: "What controllers found of the resource, one entry a type.",
  type: "array",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["type"],
  items: {
    type: "object",
    required: ["type", "status", "lastTransitionTime", "reason", "message"],
    properties: {
      type: { description: "What the condition is about: Accepted, for one.", type: "string", maxLength: 316 },
      status: { description: "Whether it holds.", type: "string", enum: ["True", "False", "Unknown"] },
      observedGeneration: {
        description: "The generation of the resource that was looked at.",
        type: "integer",
        format: "int64",
        minimum: 0,
      },
      lastTransitionTime: { description: "Since when it has this status.", type: "string", format: "date-time" },
      reason: {
        description: "The cause, as one word for programs.",
        type: "string",
        minLength: 1,
        maxLength: 1024,
        pattern: "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
      },
      message: { description: "The cause, in words for people.", type: "string", maxLength: 32768 },
    },
  },
};
