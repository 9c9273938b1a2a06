// Checking inputs: schemas, and the one function that applies them.
export { hostSchema } from "./host";
export * from "./ports";
export * from "./schema";
export * from "./structures";
export * from "./values";
