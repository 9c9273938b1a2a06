// netplumb helper: puts the helper on a host, takes it away, or prints its files for those who install by other means.
import { helperProgram, READER, readerText, SUDOERS, sudoersText } from "../provider/helper/program";
import { HELPER } from "../provider/transport/privilege";

export const helperUsage = `Usage: netplumb helper install <host>     as root: writes the helper, its reader and its sudoers file
       netplumb helper remove <host>
       netplumb helper print helper|reader|sudoers|authorized_keys`;

const FOLDER = HELPER.replace(/\/[^/]*$/, "");

/** A file that comes from root alone: written beside its place, and moved there whole. */
function write(path: string, mode: string, text: string, check = ""): string {
	return `cat >${path}.new <<'END_OF_FILE'
${text}END_OF_FILE
chown 0:0 ${path}.new && chmod ${mode} ${path}.new${check && ` && ${check}`} && mv -f ${path}.new ${path} || { rm -f ${path}.new; exit 1; }`;
}

/** Shell text for root. The sudoers file is checked by visudo before it counts: one mistake in it, and sudo refuses everybody. */
export function installScript(): string {
	return `set -e
umask 022
[ -d ${FOLDER} ] || mkdir -p ${FOLDER}
{ [ ! -L ${FOLDER} ] && [ -O ${FOLDER} ]; } || { echo "${FOLDER} is not a folder of root's; remove it" >&2; exit 1; }
chmod 755 ${FOLDER}
${write(HELPER, "755", helperProgram().text)}
${write(READER, "755", readerText)}
if ! [ -d /etc/sudoers.d ]; then
	echo "sudo is not installed: no sudoers file was written" >&2
	exit 0
fi
${write(SUDOERS, "440", sudoersText(), `visudo -cqf ${SUDOERS}.new`)}`;
}

export function removeScript(): string {
	return `rm -f ${HELPER} ${READER} ${SUDOERS}\nrmdir ${FOLDER} 2>/dev/null || :`;
}

/** Lines for authorized_keys(5): whoever has the key gets this one program, and no terminal, forwarding or shell. */
export const keyLine = (program: string, key: string): string => `restrict,command="sudo -n -- ${program}" ${key}`;

export function printed(what: string): string | undefined {
	switch (what) {
		case "helper":
			return helperProgram().text;
		case "reader":
			return readerText;
		case "sudoers":
			return sudoersText();
		case "authorized_keys":
			return [keyLine(HELPER, "ssh-ed25519 AAAA… of those who wire"), keyLine(READER, "ssh-ed25519 AAAA… of those who look")]
				.map((line) => `${line}\n`)
				.join("");
		default:
			return undefined;
	}
}

/** What is left to do on the host, once the files are there. */
export function nextSteps(host: string): string {
	return `${host}: helper ${helperProgram().id} installed. Who may use it: members of the groups netplumb and netplumb-read, or keys with
${printed("authorized_keys")}in ~/.ssh/authorized_keys of a user of these groups.`;
}
