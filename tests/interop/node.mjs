// The example programs against npm's `ws`, in both roles.
//   node node.mjs URL FOLDER
// URL is a running echo server (ws://HOST:PORT), FOLDER has the example programs; the variable PREFIX stands before
// their names.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import WebSocket, { WebSocketServer } from "ws";
import { check, equal, finish } from "./check.mjs";

const [url, folder] = process.argv.slice(2);
const prefix = process.env.PREFIX ?? "";
const echo = `${url.replace(/\/$/, "")}/echo`;
const big = randomBytes(16 << 20);
const speech = "Grüße, κόσμε, 世界, \u{1F600} \u{10348}";
const closes = [[1000, ""], [1001, "away"], [3001, "bis später"], [4999, "r".repeat(123)]];

// ---- as a client of the echo server

async function open(protocols = [], options = {}) {
  const ws = new WebSocket(echo, protocols, { maxPayload: 0, ...options });
  await once(ws, "open");
  return ws;
}
const received = async (ws) => {
  const [data, binary] = await once(ws, "message");
  return binary ? data : data.toString();
};
async function echoes(ws, message) {
  const back = received(ws);
  ws.send(message);
  const got = await back;
  // Buffer's own comparison: the general one takes seconds for 16 MiB.
  if (Buffer.isBuffer(message)) equal(Buffer.isBuffer(got) && message.equals(got), true);
  else equal(got, message);
}
const closed = async (ws) => {
  const [code, reason] = await once(ws, "close");
  return [code, reason.toString()];
};

await check("server: text and binary of every length form", async () => {
  const ws = await open();
  for (const text of ["", "Hello, world!", speech, "*".repeat(125), "*".repeat(126), "*".repeat(65536)])
    await echoes(ws, text);
  for (const size of [0, 125, 126, 65535, 65536]) await echoes(ws, big.subarray(0, size));
  ws.close();
  await closed(ws);
});

await check("server: 16 MiB of binary", async () => {
  const ws = await open([], { perMessageDeflate: false });
  await echoes(ws, big);
  ws.close();
  await closed(ws);
});

await check("server: fragments with a ping between, cut inside a character", async () => {
  const ws = await open();
  const bytes = Buffer.from(speech);
  const back = received(ws);
  const pong = once(ws, "pong");
  ws.send(bytes.subarray(0, 3), { binary: false, fin: false });
  ws.ping("within");
  ws.send(bytes.subarray(3), { fin: true });
  equal((await pong)[0].toString(), "within");
  equal(await back, speech);
  ws.close();
  await closed(ws);
});

await check("server: a close is answered with its code and reason", async () => {
  for (const [code, reason] of closes) {
    const ws = await open();
    ws.close(code, reason);
    equal(await closed(ws), [code, reason]);
  }
  const ws = await open();
  ws.close();
  equal(await closed(ws), [1005, ""]);
});

await check("server: subprotocol", async () => {
  const ws = await open(["other", "chat", "echo"]);
  equal(ws.protocol, "chat");
  ws.close();
  await closed(ws);
});

await check("server: another path is 404", async () => {
  const ws = new WebSocket(`${url}/elsewhere`);
  const [, answer] = await once(ws, "unexpected-response");
  equal(answer.statusCode, 404);
  ws.on("error", () => {}); // what terminate says about the connection that never was
  ws.terminate();
});

// ---- compressed, where the programs are built for it

// Messages of all kinds and lengths, from a fixed seed.
function* mixed(count, seed, lines = false) {
  let state = seed;
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let i = 0; i < count; i++) {
    const size = [0, 1, random(100), random(1000), random(20_000)][random(5)];
    let text = "";
    while (text.length < size) text += `{"id": ${random(1000)}, "name": "Grüße"}`;
    text = text.slice(0, size);
    const kind = lines ? 2 : random(4);
    yield kind === 0 ? big.subarray(size, 2 * size) : kind === 1 ? Buffer.from(text) : text;
  }
}
const settings = [];
for (let bits = 8; bits <= 15; bits++) for (const fresh of [false, true]) settings.push([bits, fresh]);
const each = 10_000 / settings.length;
const deflate = (bits, fresh) => ({
  serverMaxWindowBits: bits,
  clientMaxWindowBits: bits,
  serverNoContextTakeover: fresh,
  clientNoContextTakeover: fresh,
  threshold: 0,
});
const compresses = await open().then((ws) => (ws.close(), ws.extensions !== ""));

await check("server: 10,000 mixed messages compressed, windows of 8 to 15 bits", async () => {
  if (!compresses) return;
  for (const [bits, fresh] of settings) {
    const ws = await open([], { perMessageDeflate: deflate(bits, fresh) });
    equal(ws.extensions.includes("permessage-deflate"), true);
    const messages = [...mixed(each, bits)];
    await new Promise((done, failed) => {
      let at = 0;
      ws.on("message", (data, binary) => {
        const message = messages[at++];
        const same = binary ? Buffer.isBuffer(message) && data.equals(message) : data.toString() === message;
        if (!same) failed(new Error(`message ${at} of ${bits} bits came back otherwise`));
        if (at === messages.length) done();
      });
      ws.on("close", (code) => failed(new Error(`closed with ${code} at ${at}`)));
      for (const message of messages) ws.send(message);
    });
    ws.close();
    await closed(ws);
  }
});

// ---- as a server of the client program

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", maxPayload: 0 });
await once(server, "listening");
const here = `ws://127.0.0.1:${server.address().port}/`;

// Runs the client program against this server, and calls `body` with our end of the connection and the program.
async function client(options, body) {
  const process = spawn(join(folder, `${prefix}client`), [...options, here], { stdio: ["pipe", "pipe", "ignore"] });
  const ended = once(process, "exit");
  try {
    const start = once(server, "connection");
    const [ws] = await Promise.race([start, ended.then(() => { throw new Error("the client ended"); })]);
    const lines = createInterface({ input: process.stdout, crlfDelay: Infinity })[Symbol.asyncIterator]();
    await body(ws, {
      say: (line) => process.stdin.write(`${line}\n`),
      hears: async () => (await lines.next()).value,
      end: async () => {
        process.stdin.end();
        return (await ended)[0];
      },
    });
  } finally {
    process.kill();
  }
}

await check("client: text, binary and 16 MiB both ways, status 0", () =>
  client([], async (ws, program) => {
    ws.on("message", (data, binary) => ws.send(data, { binary }));
    for (const line of ["Hello, world!", speech, "/binary 00ff7e", `/binary ${big.toString("hex")}`]) {
      program.say(line);
      equal((await program.hears()) === line, true);
    }
    const end = closed(ws);
    equal(await program.end(), 0);
    equal(await end, [1000, ""]);
  }));

await check("client: 10,000 mixed messages compressed, windows of 8 to 15 bits", async () => {
  if (!compresses) return;
  for (const [bits, fresh] of settings) {
    const peer = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: deflate(bits, fresh) });
    await once(peer, "listening");
    peer.on("connection", (ws) => ws.on("message", (data, binary) => ws.send(data, { binary })));
    const program = spawn(join(folder, "client"), [`ws://127.0.0.1:${peer.address().port}/`], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const ended = once(program, "exit");
    const lines = createInterface({ input: program.stdout, crlfDelay: Infinity })[Symbol.asyncIterator]();
    const messages = [...mixed(each, bits, true)];
    program.stdin.write(messages.join("\n") + "\n");
    for (const message of messages) equal((await lines.next()).value === message, true);
    const [ws] = peer.clients;
    equal(ws.extensions.includes("permessage-deflate"), true);
    program.stdin.end();
    equal((await ended)[0], 0);
    peer.close();
  }
});

await check("client: fragments with a ping between", () =>
  client([], async (ws, program) => {
    const pong = once(ws, "pong");
    ws.send("one ", { fin: false });
    ws.ping("within");
    ws.send("two", { fin: true });
    equal((await pong)[0].toString(), "within");
    equal(await program.hears(), "one two");
    equal(await program.end(), 0);
  }));

await check("client: /ping arrives", () =>
  client([], async (ws, program) => {
    const ping = once(ws, "ping");
    program.say("/ping");
    await ping;
    equal(await program.end(), 0);
  }));

await check("client: /close CODE REASON arrives, status 0", async () => {
  for (const [code, reason] of closes)
    await client([], async (ws, program) => {
      const end = closed(ws);
      program.say(`/close ${code} ${reason}`.trimEnd());
      equal(await end, [code, reason]);
      equal(await program.end(), 0);
    });
});

await check("client: answers the server's close with its code, status 0", async () => {
  for (const [code, reason] of closes)
    await client([], async (ws, program) => {
      ws.close(code, reason);
      equal((await closed(ws))[0], code);
      equal(await program.end(), 0);
    });
});

await check("client: a killed connection is status 1", () =>
  client([], async (ws, program) => {
    ws.terminate();
    equal(await program.end(), 1);
  }));

await check("client: subprotocol", () =>
  client(["--protocol", "chat"], async (ws, program) => {
    equal(ws.protocol, "chat");
    equal(await program.end(), 0);
  }));

finish();
