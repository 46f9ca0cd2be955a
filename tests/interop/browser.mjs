// The echo server's page in a real browser, used as a person would use it.
//   node browser.mjs http://127.0.0.1:9998/ [FOLDER]
// FOLDER has the example programs: with it, the echo server is started with every setting of compression, too.
// CHROMIUM names the browser (default: Debian's), SCREENSHOT a file for a picture of the page at the end.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { equal, check, finish } from "./check.mjs";

const [url, folder] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "sockless-browser-"));
// Beside what makes it run as root without a screen: the browser shall look up nothing on its own.
const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", ...quiet, "--disable-component-update", "--disable-sync"],
  viewport: { width: 800, height: 900 },
  // The certificate of a test is signed by nobody.
  ignoreHTTPSErrors: url.startsWith("https:"),
});
const page = browser.pages()[0] ?? (await browser.newPage());
page.setDefaultTimeout(20_000);
const faults = [];
page.on("pageerror", (e) => faults.push(String(e)));

// Waits for a new entry of the log, does `action` first, and gives the entry's data attributes and text.
async function next(kind, action) {
  const seen = await page.locator(`#log li[data-kind=${kind}]`).count();
  await action();
  const line = page.locator(`#log li[data-kind=${kind}]`).nth(seen);
  await line.waitFor();
  return { line, data: await line.evaluate((li) => ({ ...li.dataset })), text: await line.locator(".body").textContent() };
}
const connect = () => next("open", () => page.click("#connect"));
async function sendText(text) {
  await page.fill("#text", text);
  return (await next("message", () => page.click("#send-text"))).text;
}
async function close(code, reason) {
  await page.fill("#code", code);
  await page.fill("#reason", reason);
  const { data } = await next("close", () => page.click("#close"));
  return [data.code, data.reason, data.clean];
}
// The digest of the newest entry of that kind, which the page fills in when it has it.
async function digest(kind) {
  const line = page.locator(`#log li[data-kind=${kind}]`).last();
  await page.waitForFunction((li) => li.dataset.sha256, await line.elementHandle());
  return line.evaluate((li) => [li.dataset.size, li.dataset.sha256]);
}

try {
  await check("the page opens", async () => {
    const answer = await page.goto(url);
    equal(answer.status(), 200);
    equal(await page.title(), "sockless echo");
  });
  await check("it connects, no subprotocol", async () => equal((await connect()).data.protocol, ""));
  await check("text comes back", async () => equal(await sendText("Hello, world!"), "Hello, world!"));
  const wide = "Grüße, κόσμε, 世界, \u{1F600} \u{10348} \u{10FFFD}";
  await check("text beyond the BMP comes back", async () => equal(await sendText(wide), wide));
  await check("empty text comes back", async () => equal(await sendText(""), ""));
  await check("markup comes back as text only", async () => {
    const markup = "<img src=x onerror=alert(1)><b>bold</b>";
    equal(await sendText(markup), markup);
    equal(await page.locator("#log img, #log b b").count(), 0);
  });
  await check("binary comes back", async () => {
    await page.fill("#hex", "00 7f 80 fe ff");
    const { text } = await next("message", () => page.click("#send-binary"));
    equal(text.split("\n")[0], "5 bytes 007f80feff");
  });
  await check("1 MiB of random bytes comes back byte for byte", async () => {
    await next("message", () => page.click("#send-random"));
    const got = await digest("message");
    equal(got[0], "1048576");
    equal(got, await digest("sent"));
  });
  await check("a close code that is not allowed is reported, the connection lives", async () => {
    await page.fill("#code", "1006");
    await next("error", () => page.click("#close"));
    equal(await sendText("still here"), "still here");
  });
  await check("close 3001 with a reason is answered in kind", async () =>
    equal(await close("3001", "bis später"), ["3001", "bis später", "true"]));
  await check("a subprotocol is chosen", async () => {
    await page.fill("#protocols", "other, chat");
    equal((await connect()).data.protocol, "chat");
  });
  await check("a close without code ends clean", async () => equal(await close("", ""), ["1005", "", "true"]));
  await check("no common subprotocol: the server chooses none, and the browser gives up", async () => {
    await page.fill("#protocols", "other");
    const { data } = await next("close", () => page.click("#connect"));
    equal([data.code, data.clean], ["1006", "false"]);
    equal(await page.locator("#status").getAttribute("data-state"), "closed");
  });
  // Compressed, where the programs are built for it: the browser takes what window the server asks for.
  const settings = [[], ["--no-context-takeover"], ...[9, 10, 11, 12, 13, 14].map((n) => ["--window-bits", `${n}`])];
  for (const options of folder ? settings : [])
    await check(`10,000 mixed messages, ${options.join(" ") || "as it is"}`, async () => {
      const server = spawn(join(folder, `${process.env.PREFIX ?? ""}echo_server`), ["--listen", "127.0.0.1:0", ...options], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      try {
        const [line] = await once(server.stdout, "data");
        await page.goto(/http:\S+/.exec(line.toString())[0]);
        const extensions = await page.evaluate(async (count) => {
          const ws = new WebSocket(`ws://${location.host}/echo`);
          ws.binaryType = "arraybuffer";
          await new Promise((open) => (ws.onopen = open));
          const equal = (a, b) =>
            typeof a === "string" ? a === b : b instanceof ArrayBuffer && String(new Uint8Array(b)) === String(a);
          const waiting = [];
          const all = new Promise((done, failed) => {
            let got = 0;
            ws.onmessage = ({ data }) => {
              if (!equal(waiting.shift(), data)) failed(new Error(`message ${got} came back otherwise`));
              if (++got === count) done();
            };
            ws.onclose = ({ code }) => failed(new Error(`closed with ${code} at ${got}`));
          });
          for (let i = 0; i < count; i++) {
            const size = [0, 1, i % 100, i % 1000, (i * 7) % 5000][i % 5];
            const text = `{"id": ${i % 50}, "name": "Grüße"}`.repeat(size / 20 + 1).slice(0, size);
            const message = i % 3 ? text : i % 2 ? new TextEncoder().encode(text) : Uint8Array.from(text, () => Math.random() * 256);
            waiting.push(message);
            ws.send(message);
            if (i % 100 === 0) await new Promise((later) => setTimeout(later));
          }
          await all;
          ws.onclose = null;
          ws.close();
          return ws.extensions;
        }, 10_000);
        if (extensions) console.log(`       ${extensions}`);
      } finally {
        server.kill();
      }
    });
  await check("the page's script threw nothing", async () => equal(faults, []));
} finally {
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
finish();
