// The chat's page in a real browser: two tabs, 1,000 messages each way, one tab killed, the server restarted.
//   node chat.mjs FOLDER          FOLDER holds sockless-tokio's built examples
// CHROMIUM names the browser (default: Debian's), SCREENSHOT a file for a picture of the page that is left.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import WebSocket from "ws";
import { check, equal, finish } from "./check.mjs";

const MANY = 1000;
const port = await free();
const url = `http://127.0.0.1:${port}/`;
let server = await start();
const profile = mkdtempSync(join(tmpdir(), "sockless-chat-"));
const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", ...quiet, "--disable-component-update", "--disable-sync"],
  viewport: { width: 800, height: 600 },
});
const faults = [];

async function free() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  return port;
}

async function start() {
  const command = join(process.argv[2], "tokio_chat");
  const child = spawn(command, ["--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}
const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length;

async function tab(name) {
  const page = await browser.newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (e) => faults.push(String(e)));
  await page.goto(`${url}?room=test&name=${name}`);
  await open(page);
  return page;
}
const open = (page) => page.locator("#status[data-state=open]").waitFor();
const note = (page, text) => page.locator("#log li[data-kind=note]", { hasText: text }).last().waitFor();
// What the page shows that somebody said.
const said = (page, name) =>
  page.$$eval(`#log li[data-kind=said][data-name=${name}] .body`, (all) => all.map((one) => one.textContent));
const heard = (page, name, count) =>
  page.waitForFunction(
    ([name, count]) => document.querySelectorAll(`#log li[data-kind=said][data-name=${name}]`).length >= count,
    [name, count],
  );

try {
  const before = descriptors();
  const ann = await tab("ann");
  const bob = await tab("bob");
  const wanted = (name) => Array.from({ length: MANY }, (_, i) => `${name} says ${i}`);

  await check("what is typed is shown to both, as text", async () => {
    const markup = "<img src=x onerror=alert(1)> Grüße, \u{1F600}";
    await ann.fill("#text", markup);
    await ann.press("#text", "Enter");
    for (const page of [ann, bob]) {
      await heard(page, "ann", 1);
      equal(await said(page, "ann"), [markup]);
      equal(await page.locator("#log img").count(), 0);
      await page.evaluate(() => document.querySelectorAll("#log li[data-kind=said]").forEach((li) => li.remove()));
    }
  });
  await check(`${MANY} messages each way, all shown in order in both tabs`, async () => {
    const started = Date.now();
    const speak = (page, name) =>
      page.evaluate(([name, many]) => {
        for (let i = 0; i < many; i++) say(`${name} says ${i}`);
      }, [name, MANY]);
    await Promise.all([speak(ann, "ann"), speak(bob, "bob")]);
    for (const page of [ann, bob])
      for (const name of ["ann", "bob"]) {
        await heard(page, name, MANY);
        equal(await said(page, name), wanted(name));
      }
    console.log(`       in ${Date.now() - started} ms`);
    const both = (page) => page.$$eval("#log li[data-kind=said] .body", (all) => all.map((one) => one.textContent));
    equal(await both(ann), await both(bob));
  });
  await check("a tab is killed: the other hears of it and talks on", async () => {
    const session = await browser.newCDPSession(bob);
    session.send("Page.crash").catch(() => {});
    await once(bob, "crash");
    await note(ann, "bob has left");
    await ann.evaluate(() => say("alone"));
    await heard(ann, "ann", MANY + 1);
  });
  await check("the server is restarted: the page says why and comes back", async () => {
    server.kill("SIGTERM");
    await once(server, "exit");
    await note(ann, "closed with 1012");
    server = await start();
    await open(ann);
    await ann.evaluate(() => say("back again"));
    await heard(ann, "ann", MANY + 2);
  });
  await check("a page of another host may not enter", async () => {
    const status = await new Promise((yes, no) => {
      const stranger = new WebSocket(`${url.replace("http", "ws")}ws?room=test&name=eve`, {
        origin: "http://elsewhere.example",
      });
      stranger.on("unexpected-response", (request, answer) => {
        request.destroy();
        yes(answer.statusCode);
      });
      stranger.on("open", () => yes(101)).on("error", no);
    });
    equal(status, 403);
  });
  if (process.env.SCREENSHOT) await ann.screenshot({ path: process.env.SCREENSHOT });
  await check("nothing is left when the last tab is closed", async () => {
    await ann.close();
    for (let i = 0; i < 100 && descriptors() > before; i++) await new Promise((f) => setTimeout(f, 50));
    equal(descriptors() <= before, true);
  });
  await check("the page's script threw nothing", async () => equal(faults, []));
} finally {
  await browser.close();
  server.kill();
  rmSync(profile, { recursive: true, force: true });
}
finish();
