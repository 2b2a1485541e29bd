// Parses streams/asyncapi.yaml with the official parser; every error is a line, and makes the exit code 1.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Parser } from "@asyncapi/parser";

const source = fileURLToPath(new URL("../../streams/asyncapi.yaml", import.meta.url));
const { document, diagnostics } = await new Parser().parse(await readFile(source, "utf8"), { source });
const severities = ["error", "warning", "information", "hint"];
for (const one of diagnostics) {
  console.log(`${severities[one.severity]}: ${one.path.join(".")}: ${one.message}`);
}
if (document === undefined || diagnostics.some((one) => one.severity === 0)) {
  console.log("streams/asyncapi.yaml is not valid");
  process.exit(1);
}
const channels = document.channels().length;
const messages = document.allMessages().length;
console.log(`streams/asyncapi.yaml is valid AsyncAPI ${document.version()}: ${channels} channels, ${messages} messages`);
