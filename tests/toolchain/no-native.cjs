// Preloaded: a Node.js in which no compiled add-on can be loaded, as after `npm install --ignore-scripts`.
require("node:module")._extensions[".node"] = (_module, file) => {
	throw new Error(`${file}: no compiled add-on here`);
};
