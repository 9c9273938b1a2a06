// Docker's daemon on the lab host h1: restarts, with other options too, and containers that outlive them.
import { sh } from "./wiring";

const RESTART = `
pid=$(cat /run/docker.pid)
kill "$pid"
while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
setsid dockerd "$@" >>/var/log/dockerd.log 2>&1 </dev/null &
i=0; until docker version >/dev/null 2>&1; do i=$((i + 1)); [ $i -lt 200 ]; sleep 0.1; done`;

/** As `systemctl restart docker` does it; containers stop, unless the block says `useLiveRestore`. */
export async function restartDocker(...options: string[]): Promise<void> {
	await sh(RESTART, ...options);
}

/** For `after`: a restarted dockerd puts DOCKER-USER before its other chains with the next change of its networks only. */
export async function settleDocker(): Promise<void> {
	await sh("docker network create np-settle >/dev/null; docker network rm np-settle >/dev/null");
}

/** In a describe block: containers go on while dockerd restarts (dockerd(8), "live-restore"). */
export function useLiveRestore(): void {
	const reload = "kill -HUP $(cat /run/docker.pid)";
	before(() =>
		sh(`mkdir -p /etc/docker; echo '{"live-restore":true}' >/etc/docker/daemon.json; ${reload}
			i=0; until docker info 2>/dev/null | grep -q 'Live Restore Enabled: true'; do i=$((i + 1)); [ $i -lt 100 ]; sleep 0.1; done`),
	);
	after(async () => {
		await sh(`rm /etc/docker/daemon.json; ${reload}`);
		await settleDocker();
	});
}
