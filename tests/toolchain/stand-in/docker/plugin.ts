// A stand-in for the docker plugin (pulumi-resource-docker), for tests where the real one cannot be downloaded. Never published.
// It knows the resources and inputs that our examples and tests use, and refuses every other by name.
import type { ServiceDefinition } from "@grpc/grpc-js";
import * as plugins from "@pulumi/pulumi/proto/plugin_pb.js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import * as provider from "@pulumi/pulumi/proto/provider_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { dockerPluginVersion } from "../../install/paths";
import { serve, unary } from "../grpc";
import type { Docker, Json } from "./api";
import { check, type Difference, diff } from "./check";
import { configMistakes, configure } from "./config";
import { container } from "./container";
import { image } from "./image";
import { type Kind, UNKNOWN } from "./kind";
import { network } from "./network";
import { volume } from "./volume";

const KINDS: Record<string, Kind> = {
	"docker:index/container:Container": container,
	"docker:index/network:Network": network,
	"docker:index/remoteImage:RemoteImage": image,
	"docker:index/volume:Volume": volume,
};

let daemon: () => Docker = () => {
	throw new Error("the docker provider was used before it was configured");
};

serve(ResourceProviderService as unknown as ServiceDefinition, {
	getPluginInfo: unary(() => {
		const info = new plugins.PluginInfo();
		info.setVersion(dockerPluginVersion());
		return info;
	}),

	getSchema: unary(() => {
		const response = new provider.GetSchemaResponse();
		response.setSchema(JSON.stringify({ name: "docker", version: dockerPluginVersion() }));
		return response;
	}),

	checkConfig: unary((request: provider.CheckRequest) => {
		const response = new provider.CheckResponse();
		response.setInputs(request.getNews());
		response.setFailuresList(failures(configMistakes(read(request.getNews()))));
		return response;
	}),

	diffConfig: unary((request: provider.DiffRequest) => {
		const response = new provider.DiffResponse();
		const changed = JSON.stringify(read(request.getOldInputs())) !== JSON.stringify(read(request.getNews()));
		response.setChanges(changed ? provider.DiffResponse.DiffChanges.DIFF_SOME : provider.DiffResponse.DiffChanges.DIFF_NONE);
		return response;
	}),

	configure: unary((request: provider.ConfigureRequest) => {
		daemon = configure(read(request.getArgs()), Object.fromEntries(request.getVariablesMap().entries()));
		const response = new provider.ConfigureResponse();
		response.setSupportspreview(true);
		return response;
	}),

	check: unary((request: provider.CheckRequest) => {
		const result = check(kindOf(request.getUrn()), request.getUrn(), read(request.getOlds()), read(request.getNews()));
		const response = new provider.CheckResponse();
		response.setInputs(struct(result.inputs));
		response.setFailuresList(failures(result.failures));
		return response;
	}),

	diff: unary((request: provider.DiffRequest) => {
		const kind = kindOf(request.getUrn());
		const olds = request.getOldInputs() ?? request.getOlds();
		return describe(kind, diff(kind, read(olds), read(request.getNews())), request.getIgnorechangesList());
	}),

	create: unary(async (request: provider.CreateRequest) => {
		const kind = kindOf(request.getUrn());
		const inputs = read(request.getProperties());
		const response = new provider.CreateResponse();
		if (request.getPreview()) {
			response.setProperties(struct(foreseen(kind, inputs)));
			return response;
		}
		const made = await kind.create(daemon(), inputs);
		response.setId(made.id);
		response.setProperties(struct(made.outputs));
		return response;
	}),

	read: unary(async (request: provider.ReadRequest) => {
		const response = new provider.ReadResponse();
		const found = await kindOf(request.getUrn()).read(daemon(), request.getId(), read(request.getInputs()));
		if (!found) return response; // an empty id: gone
		response.setId(found.id);
		response.setProperties(struct(found.outputs));
		response.setInputs(struct(found.inputs));
		return response;
	}),

	update: unary(async (request: provider.UpdateRequest) => {
		const kind = kindOf(request.getUrn());
		const news = read(request.getNews());
		const response = new provider.UpdateResponse();
		if (request.getPreview()) {
			response.setProperties(struct({ ...read(request.getOlds()), ...news }));
			return response;
		}
		if (!kind.update) throw new Error(`${request.getUrn()} cannot be updated in place`);
		const olds = read(request.getOldInputs() ?? request.getOlds());
		response.setProperties(struct(await kind.update(daemon(), request.getId(), olds, news)));
		return response;
	}),

	delete: unary(async (request: provider.DeleteRequest) => {
		await kindOf(request.getUrn()).delete(daemon(), request.getId(), read(request.getProperties()));
		return new Empty();
	}),

	cancel: unary(() => new Empty()),
});

function kindOf(urn: string): Kind {
	const token = urn.split("::")[2]?.split("$").pop() ?? "";
	const kind = KINDS[token];
	if (!kind) throw new Error(`the docker stand-in does not know the resource type ${token}`);
	return kind;
}

/** What a creation will give, as far as it is known before. */
function foreseen(kind: Kind, inputs: Json): Json {
	const unknown = Object.fromEntries(kind.computed.map((output) => [output, UNKNOWN]));
	const { __defaults: _, ...given } = inputs;
	return { ...unknown, ...given };
}

function describe(kind: Kind, differences: Difference[], ignored: string[]): provider.DiffResponse {
	const response = new provider.DiffResponse();
	const { DiffChanges } = provider.DiffResponse;
	const { Kind: DiffKind } = provider.PropertyDiff;
	const counted = differences.filter(({ property }) => !ignored.includes(property));
	response.setChanges(counted.length > 0 ? DiffChanges.DIFF_SOME : DiffChanges.DIFF_NONE);
	response.setDiffsList(counted.map(({ property }) => property));
	response.setReplacesList(counted.filter(({ replace }) => replace).map(({ property }) => property));
	response.setDeletebeforereplace(kind.deleteBeforeReplace);
	response.setHasdetaileddiff(true);
	for (const { property, kind: what, replace } of counted) {
		const plain = { add: DiffKind.ADD, delete: DiffKind.DELETE, update: DiffKind.UPDATE }[what];
		const replacing = { add: DiffKind.ADD_REPLACE, delete: DiffKind.DELETE_REPLACE, update: DiffKind.UPDATE_REPLACE }[what];
		const detail = new provider.PropertyDiff();
		detail.setKind(replace ? replacing : plain);
		detail.setInputdiff(true);
		response.getDetaileddiffMap().set(property, detail);
	}
	return response;
}

function failures(mistakes: { property: string; reason: string }[]): provider.CheckFailure[] {
	return mistakes.map(({ property, reason }) => {
		const failure = new provider.CheckFailure();
		failure.setProperty(property);
		failure.setReason(reason);
		return failure;
	});
}

function read(value: Struct | undefined): Json {
	return (value?.toJavaScript() ?? {}) as Json;
}

function struct(value: Json): Struct {
	// Through JSON, which leaves undefined properties out: a Struct has no word for them.
	return Struct.fromJavaScript(JSON.parse(JSON.stringify(value)) as Record<string, JavaScriptValue>);
}
