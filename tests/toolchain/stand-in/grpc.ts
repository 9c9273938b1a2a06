// Never published. What both stand-ins need to speak gRPC with the engine.
import * as grpc from "@grpc/grpc-js";

export type Unary = grpc.handleUnaryCall<never, unknown>;

/** Answers one request with what `handler` gives; an error it throws reaches the user as it is worded. */
export function unary<Request, Response>(
	handler: (request: Request, call: grpc.ServerUnaryCall<Request, Response>) => Promise<Response> | Response,
): Unary {
	const handle: grpc.handleUnaryCall<Request, Response> = (call, callback) => {
		Promise.resolve()
			.then(() => handler(call.request, call))
			.then(
				(response) => callback(null, response),
				(error: Error) => callback({ code: grpc.status.UNKNOWN, message: error.message }),
			);
	};
	return handle as unknown as Unary;
}

/** Serves on a free port of the loopback interface and prints it, as the engine expects of a plugin. */
export function serve(definition: grpc.ServiceDefinition, handlers: Record<string, unknown>): Promise<grpc.Server> {
	// The engine sends whole states in one message.
	const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
	const refuse: Record<string, unknown> = {};
	for (const [name, method] of Object.entries(definition)) {
		if (handlers[name]) continue;
		const unimplemented = { code: grpc.status.UNIMPLEMENTED, details: `the stand-in has no ${name}` };
		refuse[name] = method.responseStream
			? (call: grpc.ServerWritableStream<unknown, unknown>) => call.emit("error", unimplemented)
			: (_: unknown, callback: grpc.sendUnaryData<unknown>) => callback(unimplemented);
	}
	server.addService(definition, { ...refuse, ...handlers } as grpc.UntypedServiceImplementation);
	return new Promise((resolve, reject) => {
		server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
			if (error) return reject(error);
			process.stdout.write(`${port}\n`);
			resolve(server);
		});
	});
}
