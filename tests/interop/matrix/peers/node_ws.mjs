// npm's `ws` as a peer: node node_ws.mjs client|server
import { once } from "node:events";
import { readFileSync } from "node:fs";
import WebSocket, { WebSocketServer } from "ws";
import { message, run, tell, text, version } from "./lines.mjs";

const options = { maxPayload: 0, perMessageDeflate: { threshold: 0 } };
let ws;

function attend(socket) {
  ws = socket;
  ws.on("message", (data, binary) => message(binary ? data : data.toString()));
  ws.on("error", (e) => tell("error", e.message));
  ws.on("close", (code, reason) => tell("closed", code, reason));
  tell("open", ws.protocol);
}

tell("version", "ws", version("ws"));
if (process.argv[2] === "server") {
  const handleProtocols = (offered) => [...offered].find((name) => ["chat", "echo"].includes(name)) ?? false;
  const server = new WebSocketServer({ ...options, port: 0, host: "127.0.0.1", handleProtocols });
  server.on("connection", attend);
  await once(server, "listening");
  tell("listening", server.address().port);
}
run({
  connect: (url, ...protocols) => {
    const socket = new WebSocket(url, protocols, options);
    socket.on("open", () => attend(socket));
  },
  text: (file) => ws.send(text(file)),
  binary: (file) => ws.send(readFileSync(file)),
  fragments: (...files) => files.forEach((file, i) => ws.send(text(file), { fin: i === files.length - 1 })),
  ping: (payload) => ws.ping(payload),
  close: (code, reason) => (code ? ws.close(Number(code), reason) : ws.close()),
});
