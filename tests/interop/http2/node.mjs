// The HTTP/2 echo server against Node's own HTTP/2 client: the streams by themselves, WebSocket frames written by hand.
//   node node.mjs URL LOG
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http2 from "node:http2";
import { check, equal, finish } from "../check.mjs";

const [url, log] = process.argv.slice(2);
const authority = new URL(url).host;
const session = http2.connect(url, { rejectUnauthorized: false });
await once(session, "remoteSettings");

// A client's frame, masked with one byte four times.
function frame(opcode, payload) {
  const bytes = Buffer.from(payload);
  const long = bytes.length > 125;
  const head = long ? [0x80 | opcode, 0x80 | 126, bytes.length >> 8, bytes.length & 255] : [0x80 | opcode, 0x80 | bytes.length];
  return Buffer.concat([Buffer.from([...head, 9, 9, 9, 9]), bytes.map((byte) => byte ^ 9)]);
}

function request(fields = {}) {
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "https",
    ":authority": authority,
    ":path": "/echo",
    "sec-websocket-version": "13",
    ...fields,
  });
  stream.bytes = Buffer.alloc(0);
  stream.on("data", (data) => (stream.bytes = Buffer.concat([stream.bytes, data])));
  stream.on("error", () => {});
  return stream;
}
async function open() {
  const stream = request();
  const [fields] = await once(stream, "response");
  equal(fields[":status"], 200);
  return stream;
}
async function comes(stream, wanted) {
  while (stream.bytes.length < wanted.length) await once(stream, "data");
  equal(stream.bytes.subarray(0, wanted.length), typeof wanted === "string" ? Buffer.from(wanted, "latin1") : Buffer.from(wanted));
  stream.bytes = stream.bytes.subarray(wanted.length);
}
const said = async (stream, what) => {
  for (let i = 0; i < 100; i++) {
    if (readFileSync(log, "utf8").includes(`stream ${stream.id}: ${what}`)) return;
    await new Promise((later) => setTimeout(later, 20));
  }
  throw new Error(`the server did not say: ${what}`);
};

await check("the settings allow extended CONNECT", async () => equal(session.remoteSettings.enableConnectProtocol, true));
await check("200, and no field of HTTP/1.1's handshake", async () => {
  const stream = request();
  const [fields] = await once(stream, "response");
  equal([fields[":status"], fields["sec-websocket-accept"], fields.upgrade], [200, undefined, undefined]);
  stream.close();
});
await check("echo, ping, and a close that ends with END_STREAM", async () => {
  const stream = await open();
  stream.write(frame(1, "hello"));
  await comes(stream, "\x81\x05hello");
  stream.write(frame(9, "there?"));
  await comes(stream, Buffer.from("8a0674686572653f", "hex"));
  const end = once(stream, "end");
  stream.write(frame(8, [3, 232]));
  await comes(stream, [0x88, 2, 3, 232]);
  await end;
  stream.end();
  await once(stream, "close");
  equal(stream.rstCode, http2.constants.NGHTTP2_NO_ERROR);
  await said(stream, "WebSocket ended, 1000 closed by the peer");
});
await check("frames cut into DATA frames of one byte", async () => {
  const stream = await open();
  for (const byte of frame(1, "cut")) stream.write(Buffer.from([byte]));
  await comes(stream, "\x81\x03cut");
  stream.close();
});
await check("an unmasked frame: Close 1002 and END_STREAM", async () => {
  const stream = await open();
  const end = once(stream, "end");
  stream.write(Buffer.from("\x81\x05hello", "latin1"));
  await comes(stream, [0x88, 2, 3, 234]);
  await end;
  stream.end();
});
await check("RST_STREAM from the client is an end without a Close", async () => {
  const stream = await open();
  stream.close(http2.constants.NGHTTP2_CANCEL);
  await said(stream, "WebSocket ended, 1006 the transport ended before a Close came");
});
await check("refusals", async () => {
  const cases = [
    [{ "sec-websocket-version": "12" }, 400, "13"],
    [{ ":protocol": "webtransport" }, 501],
    [{ ":path": "/nowhere" }, 404],
  ];
  for (const [fields, status, version] of cases) {
    const [answer] = await once(request(fields), "response");
    equal(answer[":status"], status);
    equal(answer["sec-websocket-version"], version);
  }
});
await check("an ordinary CONNECT has no tunnel here", async () => {
  const stream = session.request({ ":method": "CONNECT", ":authority": authority });
  stream.on("error", () => {});
  await new Promise((done) => stream.on("close", done));
  equal(stream.rstCode, http2.constants.NGHTTP2_CONNECT_ERROR);
});
await check("fifty streams of one connection, each its own", async () => {
  const streams = await Promise.all(Array.from({ length: 50 }, open));
  streams.forEach((stream, i) => stream.write(frame(1, `stream ${i}`.padEnd(1000))));
  await Promise.all(streams.map((stream, i) => comes(stream, [0x81, 126, 3, 232, ...Buffer.from(`stream ${i}`.padEnd(1000))])));
  streams.forEach((stream) => stream.close());
});
session.close();
finish();
