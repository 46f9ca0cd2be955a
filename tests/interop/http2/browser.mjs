// The page of the HTTP/2 echo server in Chromium. The server speaks nothing but HTTP/2, so a WebSocket that opens is one
// over HTTP/2; its own words say on which stream.
//   node browser.mjs URL LOG
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { check, equal, finish } from "../check.mjs";

const [url, log] = process.argv.slice(2);
const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", ...quiet, "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage({ ignoreHTTPSErrors: true });
page.setDefaultTimeout(20_000);
const line = (text) => page.locator("#log li", { hasText: text }).waitFor();
const opened = () => [...readFileSync(log, "utf8").matchAll(/^stream (\d+): WebSocket open$/gm)].map((m) => Number(m[1]));
const before = opened().length;

// Opens a socket in the page, does what is asked, and gives what came and how it ended.
const converse = (messages, end, count = messages.length) =>
  page.evaluate(
    ([messages, end, count]) =>
      new Promise((done) => {
        const socket = new WebSocket(`wss://${location.host}/echo`);
        socket.binaryType = "arraybuffer";
        const came = [];
        socket.onopen = () => messages.forEach((message) => socket.send(typeof message === "number" ? new Uint8Array(message).fill(7) : message));
        socket.onmessage = ({ data }) => {
          came.push(typeof data === "string" ? data : new Uint8Array(data).every((byte) => byte === 7) && data.byteLength);
          if (came.length === count && end) socket.close(...end);
        };
        socket.onclose = ({ code, reason, wasClean }) => done({ came, code, reason, wasClean });
      }),
    [messages, end, count],
  );

try {
  await check("the page comes over HTTP/2", async () => {
    equal((await page.goto(url)).status(), 200);
    equal(await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol), "h2");
  });
  await check("its WebSocket opens on a stream of that connection", async () => {
    await line("open");
    const streams = opened().slice(before);
    equal(streams.length, 1);
    equal(streams[0] > 1 && streams[0] % 2, 1);
  });
  await check("what is typed comes back", async () => {
    await page.fill("#text", "Grüße, 世界, \u{1F600}");
    await page.click("button");
    await line("Grüße, 世界, \u{1F600}");
  });
  await check("text, nothing and a mebibyte come back; 3001 with a reason ends clean", async () => {
    const { came, code, wasClean } = await converse(["hello", "", 1 << 20], [3001, "enough"]);
    equal([came, code, wasClean], [["hello", "", 1 << 20], 3001, true]);
  });
  await check("1,000 messages in one go come back in order", async () => {
    const messages = Array.from({ length: 1000 }, (_, i) => `message ${i}`);
    equal((await converse(messages, [1000])).came, messages);
  });
  await check("the server closes with 1001 and a reason", async () => {
    const { code, reason, wasClean } = await converse(["close me"], null);
    equal([code, reason, wasClean], [1001, "as you wish", true]);
  });
  await check("ten at a time on one connection", async () => {
    const all = await Promise.all(Array.from({ length: 10 }, (_, i) => converse([`socket ${i}`, 100_000], [1000])));
    equal(all.every(({ came, wasClean }, i) => wasClean && came[0] === `socket ${i}` && came[1] === 100_000), true);
  });
} finally {
  await browser.close();
}
finish();
