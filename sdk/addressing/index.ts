// Addresses, prefixes, Ethernet addresses and names. Pure, without dependencies: both processes use it.
export * from "./ip";
export * from "./mac";
export * from "./names";
export * from "./scope";
