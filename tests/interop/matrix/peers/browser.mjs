// A browser as a peer: node browser.mjs client chromium|firefox
// The browser needs no driver: its page fetches what to do and posts what happened.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { message, run, tell } from "./lines.mjs";

const name = process.argv[3];
const program = { chromium: process.env.CHROMIUM ?? "/usr/bin/chromium", firefox: process.env.FIREFOX ?? "/usr/bin/firefox-esr" }[name];
const waiting = []; // commands that the page has not fetched
let fetching; // the page's fetch that waits for a command

function next() {
  if (!fetching || waiting.length === 0) return;
  fetching.end(waiting.shift().join("\t"));
  fetching = null;
}

async function told(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  const cut = body.indexOf("\t");
  const [word, rest] = [body.subarray(0, cut).toString(), body.subarray(cut + 1)];
  if (word === "text") message(rest.toString());
  else if (word === "binary") message(rest);
  else tell(word, rest);
}

const server = createServer(async (request, response) => {
  response.setHeader("Cache-Control", "no-store");
  if (request.url === "/command") {
    fetching = response;
    next();
  } else if (request.url === "/tell") {
    await told(request);
    response.end();
  } else if (request.url.startsWith("/file")) response.end(readFileSync(request.url.slice("/file".length)));
  else if (request.url === "/") {
    response.setHeader("Content-Type", "text/html");
    response.end(readFileSync(new URL("browser.html", import.meta.url)));
  } else response.writeHead(404).end();
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

const profile = mkdtempSync(join(tmpdir(), "sockless-browser-"));
process.on("exit", () => rmSync(profile, { recursive: true, force: true }));
// Beside what makes it run as root without a screen: the browser shall look up nothing on its own.
const quiet = {
  chromium: ["--headless", "--no-sandbox", `--user-data-dir=${profile}`, "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  firefox: ["--headless", "--no-remote", "--profile", profile],
}[name];
const preferences = {
  "app.normandy.enabled": false,
  "app.update.enabled": false,
  "browser.safebrowsing.downloads.remote.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "extensions.getAddons.cache.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,none",
  "toolkit.telemetry.enabled": false,
};
const lines = Object.entries(preferences).map(([key, value]) => `user_pref("${key}", ${JSON.stringify(value)});\n`);
if (name === "firefox") writeFileSync(join(profile, "user.js"), lines.join(""));
tell("version", name, execFileSync(program, ["--version"]).toString().match(/[\d.]+(esr)?/)[0]);
const browser = spawn(program, [...quiet, `http://127.0.0.1:${server.address().port}/`], { stdio: "ignore" });
browser.on("exit", () => tell("error", "the browser ended"));
const put = (word) => (...rest) => void (waiting.push([word, ...rest]), next());
run(Object.fromEntries(["connect", "text", "binary", "fragments", "ping", "close"].map((word) => [word, put(word)])));
