// Checking inputs: schemas, and the one function that applies them.
export { hostSchema } from "./host.js";
export * from "./schema.js";
export * from "./structures.js";
export * from "./values.js";
