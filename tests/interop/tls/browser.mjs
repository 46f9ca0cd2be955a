// The `wss` echo server in Chromium, from a page of nobody's: node browser.mjs URL
import { chromium } from "playwright-core";
import { check, equal, finish } from "../check.mjs";

const url = process.argv[2];
const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", ...quiet, "--disable-component-update", "--disable-sync", "--ignore-certificate-errors"],
});
try {
  const page = await browser.newPage();
  await check("messages come back over TLS, 4001 ends clean", async () => {
    const seen = await page.evaluate(
      (url) =>
        new Promise((done) => {
          const socket = new WebSocket(url);
          const came = [];
          socket.onopen = () => ["hello", "", "x".repeat(1 << 20)].forEach((text) => socket.send(text));
          socket.onmessage = ({ data }) => came.push(data.length) === 3 && socket.close(4001, "done");
          socket.onclose = ({ code, wasClean }) => done({ came, code, wasClean });
        }),
      url,
    );
    equal(seen, { came: [5, 0, 1 << 20], code: 4001, wasClean: true });
  });
} finally {
  await browser.close();
}
finish();
