// npm's `undici` as a peer, which has a client only: node node_undici.mjs client
import { readFileSync } from "node:fs";
import { WebSocket, ping } from "undici";
import { message, run, tell, text, version } from "./lines.mjs";

let ws;

tell("version", "undici", version("undici"));
run({
  connect: (url, ...protocols) => {
    ws = new WebSocket(url, protocols);
    ws.binaryType = "arraybuffer";
    ws.onopen = () => tell("open", ws.protocol);
    ws.onmessage = ({ data }) => message(data);
    ws.onclose = ({ code, reason }) => tell("closed", code, reason);
  },
  text: (file) => ws.send(text(file)),
  binary: (file) => ws.send(readFileSync(file)),
  fragments: () => "its `send` takes whole messages",
  ping: (payload) => ping(ws, Buffer.from(payload)),
  close: (code, reason) => {
    try {
      code ? ws.close(Number(code), reason) : ws.close();
    } catch (e) {
      return `its \`close\` says: ${e.message}`;
    }
  },
});
