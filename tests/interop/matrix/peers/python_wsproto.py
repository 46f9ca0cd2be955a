"""Python's `wsproto` as a peer, over asyncio's streams: python_wsproto.py client|server"""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from lines import message, run, tell, text
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection, BytesMessage, CloseConnection, Message, Ping, RejectConnection, Request, TextMessage)
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason

current = None
tasks = set()


class Peer:
    """A connection of wsproto's on a pair of streams."""

    def __init__(self, role, reader, writer):
        self.ws, self.reader, self.writer = WSConnection(role), reader, writer
        self.parts, self.failed, self.end = [], False, (1006, "")

    async def send(self, event):
        self.writer.write(self.ws.send(event))
        await self.writer.drain()

    async def attend(self):
        """Tells what comes to the end of the connection."""
        while data := await self.read():
            self.ws.receive_data(data)
            for event in self.ws.events():
                await self.on(event)
            if self.failed or self.ws.state is ConnectionState.CLOSED:
                break
        # It is the server that ends TCP (RFC 6455 §7.1.1).
        while self.ws.client and await self.read():
            pass
        self.writer.close()
        tell("closed", *self.end)

    async def read(self):
        try:
            return await self.reader.read(1 << 16)
        except ConnectionError:
            return b""

    async def on(self, event):
        match event:
            case Request():
                subprotocol = next((name for name in event.subprotocols if name in ["chat", "echo"]), None)
                await self.send(AcceptConnection(subprotocol=subprotocol, extensions=[PerMessageDeflate()]))
                tell("open", subprotocol or "")
            case AcceptConnection():
                tell("open", event.subprotocol or "")
            case RejectConnection():
                tell("error", event.status_code)
            case TextMessage() | BytesMessage():
                self.parts.append(event.data)
                if event.message_finished:
                    message(type(event.data)().join(self.parts))
                    self.parts.clear()
            case Ping():
                await self.send(event.response())
            case CloseConnection():
                self.end = (int(event.code), event.reason or "")
                # Open, it has found fault with what came, and hears nothing more.
                self.failed = self.ws.state is ConnectionState.OPEN
                if self.ws.state in (ConnectionState.REMOTE_CLOSING, ConnectionState.OPEN):
                    await self.send(event.response())


async def accept(reader, writer):
    global current
    current = Peer(ConnectionType.SERVER, reader, writer)
    await current.attend()


async def listen():
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    return server.sockets[0].getsockname()[1]


async def open_at(url, *subprotocols):
    global current
    at = urlsplit(url)
    current = Peer(ConnectionType.CLIENT, *await asyncio.open_connection(at.hostname, at.port))
    request = Request(
        host=at.netloc, target=at.path, subprotocols=list(subprotocols), extensions=[PerMessageDeflate()])
    await current.send(request)
    tasks.add(task := asyncio.ensure_future(current.attend()))
    task.add_done_callback(tasks.discard)


async def fragments(*files):
    for file in files:
        await current.send(Message(data=text(file), message_finished=file is files[-1]))


async def close(code, reason):
    await current.send(CloseConnection(code=int(code) if code else CloseReason.NO_STATUS_RCVD, reason=reason or None))


commands = {
    "connect": open_at,
    "text": lambda file: current.send(Message(data=text(file))),
    "binary": lambda file: current.send(Message(data=Path(file).read_bytes())),
    "fragments": fragments,
    "ping": lambda payload: current.send(Ping(payload.encode())),
    "close": close,
}
asyncio.run(run("wsproto", commands, listen))
