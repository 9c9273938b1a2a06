// Addresses, prefixes, Ethernet addresses and names. Pure, without dependencies: both processes use it.
export * from "./ip.js";
export * from "./mac.js";
export * from "./names.js";
export * from "./scope.js";
