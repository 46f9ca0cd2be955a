// What the peers in JavaScript share: commands come on lines, words between tabs; what happens is told in the same way.
// README.md has the commands and the words.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

export const tell = (...words) => process.stdout.write(`${words.join("\t")}\n`);

// A message as it is told, of a string or of bytes.
export const message = (payload) => {
  const kind = typeof payload === "string" ? "text" : "binary";
  const data = Buffer.from(payload);
  tell(kind, data.length, createHash("sha256").update(data).digest("hex"));
};

export const text = (file) => readFileSync(file, "utf8");

export const version = (name) => createRequire(import.meta.url)(`${name}/package.json`).version;

// Does what the lines say: each has a function in `commands`.
export async function run(commands) {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    const [word, ...rest] = line.split("\t");
    try {
      const why = await commands[word](...rest);
      if (typeof why === "string") tell("cannot", why);
    } catch (e) {
      tell("error", e.message);
    }
  }
  process.exit();
}
