// The public surface: everything that a stack program can import stands here.
export { Host, type HostArgs, type HostProperties } from "./host";
export { IsolatedNetwork, type IsolatedNetworkArgs } from "./isolated-network";
export { NatPublish, type NatPublishArgs } from "./nat-publish";
export { type OverlayMemberArgs, OverlayNetwork, type OverlayNetworkArgs, type OverlayPlace } from "./overlay-network";
export { OvnCentral, type OvnCentralArgs, type OvnTls } from "./ovn-central";
export { OvnChassis, type OvnChassisArgs } from "./ovn-chassis";
export type { OvnNetworkArgs, OvnNorthbound } from "./ovn-network";
export { OvnPort, type OvnPortArgs } from "./ovn-port";
export {
	type OvnPublish,
	type OvnRoute,
	OvnRouter,
	type OvnRouterArgs,
	type OvnRouterPort,
	type OvnSnat,
} from "./ovn-router";
export { type OvnAcl, type OvnDhcp, OvnSwitch, type OvnSwitchArgs } from "./ovn-switch";
export { OvsBridge, type OvsBridgeArgs } from "./ovs-bridge";
export { OvsTunnel, type OvsTunnelArgs } from "./ovs-tunnel";
export type { ContainerInput, HostInput } from "./resource";
export { type RoutedHostArgs, RoutedNetwork, type RoutedNetworkArgs, type RoutedPlace } from "./routed-network";
export { type InterfaceArgs, type RouteArgs, StaticContainerIp, type StaticContainerIpArgs } from "./static-container-ip";
export { StaticRoute, type StaticRouteArgs } from "./static-route";
export { Subnet, type SubnetOptions } from "./subnet";
export { VethAttachment, type VethAttachmentArgs, type VlanArgs } from "./veth-attachment";
