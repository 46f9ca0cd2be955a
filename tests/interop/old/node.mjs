// The hixie example programs against websocket-driver, which owns no socket, and ws 0.4.
//   node node.mjs URL FOLDER
// URL is a running hixie_echo (ws://HOST:PORT), FOLDER has the example programs.
import { spawn } from "node:child_process";
import crypto from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import net from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { check, equal, finish } from "../check.mjs";

// ws 0.4 hands strings of bytes to its digests: that they are such was the default of its time.
const createHash = crypto.createHash;
crypto.createHash = (...options) => {
  const hash = createHash(...options);
  const update = hash.update;
  hash.update = (data, encoding) => update.call(hash, data, encoding ?? "latin1");
  return hash;
};
const require = createRequire(import.meta.url);
const driver = require("websocket-driver");
const OldWebSocket = require("ws");

const [url, folder] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const speech = "Grüße, κόσμε, 你好, \u{1F600} \u{10348}";
const texts = ["", "Hello", speech, "*".repeat(126), "*".repeat(65536), "é".repeat(100000)];

// ---- the echo server, hybi: websocket-driver writes version 13, which is rewritten on its way to 7 and 8

async function hybi(version, originField, body) {
  const socket = net.connect(port, hostname);
  const client = driver.client(`${url}/`);
  client.setHeader("X-Origin", "http://a.example");
  client.io.on("data", (bytes) => {
    const head = bytes.toString("latin1");
    const old = head
      .replace("Sec-WebSocket-Version: 13", `Sec-WebSocket-Version: ${version}`)
      .replace("X-Origin:", `${originField}:`);
    socket.write(head.startsWith("GET ") ? Buffer.from(old, "latin1") : bytes);
  });
  socket.on("data", (bytes) => client.io.write(bytes));
  const opened = once(client, "open");
  const closed = once(client, "close");
  client.start();
  await opened;
  await body(client);
  client.close("bye", 1000);
  const [{ code, reason }] = await closed;
  equal([code, reason], [1000, "bye"]);
  socket.end();
}

for (const [version, originField] of [[7, "Sec-WebSocket-Origin"], [8, "Sec-WebSocket-Origin"], [8, "Origin"], [13, "Origin"]])
  await check(`server: websocket-driver, version ${version}, origin in ${originField}`, () =>
    hybi(version, originField, async (client) => {
      for (const text of texts) {
        const back = once(client, "message");
        client.text(text);
        equal((await back)[0].data, text);
      }
      const back = once(client, "message");
      client.binary(Buffer.from([0, 255, 128]));
      equal([...(await back)[0].data], [0, 255, 128]);
    }));

await check("server: two origins that differ are 400", async () => {
  const socket = net.connect(port, hostname);
  const client = driver.client(`${url}/`);
  client.setHeader("Origin", "http://a.example");
  client.setHeader("Sec-WebSocket-Origin", "http://b.example");
  client.io.on("data", (bytes) => socket.write(bytes.toString("latin1").replace("Version: 13", "Version: 8"), "latin1"));
  client.start();
  const [answer] = await once(socket, "data");
  equal(answer.toString().split("\r\n")[0], "HTTP/1.1 400 Bad Request");
  socket.destroy();
});

for (const version of [8, 13])
  await check(`server: ws 0.4 as a client of version ${version}`, async () => {
    const ws = new OldWebSocket(`${url}/`, { protocolVersion: version });
    await once(ws, "open");
    for (const text of texts.slice(1)) {
      const back = once(ws, "message");
      ws.send(text);
      equal((await back)[0], text);
    }
    const closed = once(ws, "close");
    ws.close(1000, "bye");
    equal((await closed)[0], 1000);
  });

// ---- the client program

// What `serve` makes of the sockets that come, while the client program with these options talks to it.
async function client(options, serve, body) {
  const server = net.createServer(serve).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await program(options, `ws://127.0.0.1:${server.address().port}/echo?a=1`, body);
  } finally {
    server.close();
  }
}

async function program(options, address, body) {
  const process = spawn(join(folder, "hixie_client"), [...options, address], { stdio: ["pipe", "pipe", "ignore"] });
  const ended = once(process, "exit");
  try {
    const lines = createInterface({ input: process.stdout, crlfDelay: Infinity })[Symbol.asyncIterator]();
    await body({
      say: (line) => process.stdin.write(`${line}\n`),
      hears: async () => (await lines.next()).value,
      finish: async () => {
        process.stdin.end();
        return (await ended)[0];
      },
      ended: async () => (await ended)[0],
    });
  } finally {
    process.kill();
  }
}

// A server of websocket-driver on a socket: echoes, closes when it hears "close, please".
const seen = [];
function echo(socket) {
  const server = driver.server();
  socket.pipe(server.io).pipe(socket);
  socket.on("error", () => {});
  server.on("connect", () => driver.isWebSocket(server) && server.start());
  server.on("open", () => seen.push(server.version));
  server.on("message", ({ data }) => (data === "close, please" ? server.close() : server.text(data)));
  server.on("close", () => socket.end());
}

async function converse(program) {
  for (const text of texts) {
    program.say(text);
    equal((await program.hears()) === text, true);
  }
}

for (const [version, options] of [["hixie-76", []], ["hixie-75", ["--hixie-75"]]]) {
  await check(`client: websocket-driver as a server of ${version}, closed by us`, async () => {
    await client(options, echo, async (program) => {
      await converse(program);
      equal(await program.finish(), 0);
    });
    equal(seen.pop(), version);
  });
  await check(`client: websocket-driver as a server of ${version}, closed by it`, () =>
    client(options, echo, async (program) => {
      await converse(program);
      program.say("close, please");
      equal(await program.ended(), 0);
    }));
}

await check("client: 100 handshakes in hixie-76 with websocket-driver", async () => {
  for (let at = 0; at < 100; at += 1)
    await client([], echo, async (program) => {
      program.say(`number ${at}`);
      equal(await program.hears(), `number ${at}`);
      equal(await program.finish(), 0);
    });
});

async function old(body) {
  const server = new OldWebSocket.Server({ port: 0, host: "127.0.0.1" });
  await once(server._server, "listening");
  const versions = [];
  server.on("connection", (ws) => {
    versions.push(ws.protocolVersion);
    ws.on("message", (data) => (data === "close, please" ? ws.close() : ws.send(data)));
  });
  try {
    await body(`ws://127.0.0.1:${server._server.address().port}/echo`, versions);
  } finally {
    server.close();
  }
}

await check("client: ws 0.4 as a server of hixie-76, closed by us", () =>
  old((address, versions) =>
    program([], address, async (program) => {
      await converse(program);
      equal(await program.finish(), 0);
      equal(versions, ["hixie-76"]);
    })));

await check("client: ws 0.4 as a server of hixie-76, closed by it", () =>
  old((address) =>
    program([], address, async (program) => {
      program.say("Hello");
      equal(await program.hears(), "Hello");
      program.say("close, please");
      equal(await program.ended(), 0);
    })));

await check("client: ws 0.4 agrees to a subprotocol", () =>
  old((address) =>
    program(["--protocol", "sample"], address, async (program) => {
      program.say("Hello");
      equal(await program.hears(), "Hello");
      equal(await program.finish(), 0);
    })));

// ---- our client against our server, on the port that serves all

for (const options of [[], ["--hixie-75"], ["--protocol", "sample"]])
  await check(`both programs: ${options.join(" ") || "hixie-76"}`, () =>
    program(options, `${url}/`, async (program) => {
      await converse(program);
      equal(await program.finish(), 0);
    }));

finish();
