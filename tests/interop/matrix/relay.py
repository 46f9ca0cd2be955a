"""A port between two ends of a WebSocket that passes everything on and notes what goes by."""

import asyncio
import socket
import struct
from dataclasses import dataclass

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@dataclass
class Frame:
    fin: bool
    compressed: bool
    opcode: int
    masked: bool
    length: int
    payload: bytes  # of a control frame


class Direction:
    """What one end sent: the head of its handshake and its frames (RFC 6455 §5.2)."""

    def __init__(self):
        self.head, self.frames, self.rest, self.skip = b"", [], bytearray(), 0

    def feed(self, data):
        self.rest += data
        if not self.head:
            head, end, rest = bytes(self.rest).partition(b"\r\n\r\n")
            if not end:
                return
            self.head, self.rest = head, bytearray(rest)
        while self.rest and self.step():
            pass

    def step(self):
        """Takes a payload's bytes or a frame off the front; whether there was enough for that."""
        if self.skip:
            taken = min(self.skip, len(self.rest))
            del self.rest[:taken]
            self.skip -= taken
            return True
        if len(self.rest) < 2:
            return False
        first, second = self.rest[:2]
        masked, length, at = second >> 7, second & 127, 2
        if length > 125:
            form, size = ("!H", 2) if length == 126 else ("!Q", 8)
            if len(self.rest) < at + size:
                return False
            (length,), at = struct.unpack_from(form, self.rest, at), at + size
        control = first & 8
        if len(self.rest) < at + 4 * masked + control // 8 * length:
            return False
        key, at = (self.rest[at : at + 4], at + 4) if masked else (bytes(4), at)
        payload = bytes(byte ^ key[i % 4] for i, byte in enumerate(self.rest[at : at + length])) if control else b""
        self.frames.append(Frame(first >= 128, bool(first & 64), first & 15, bool(masked), length, payload))
        del self.rest[: at + len(payload)]
        self.skip = length - len(payload)
        return True

    def messages(self):
        """The frames of its messages, without control frames."""
        return [frame for frame in self.frames if frame.opcode < 8]

    def payloads(self, opcode):
        return [frame.payload for frame in self.frames if frame.opcode == opcode]

    def field(self, name):
        """The values of a field of the head, in one line."""
        lines = [line.partition(":") for line in self.head.decode("latin-1").split("\r\n")[1:]]
        return ", ".join(value.strip() for key, _, value in lines if key.lower() == name)


class Relay:
    """Passes connections on to `target`, a port. The newest one's bytes are in `client` and `server`."""

    def __init__(self):
        self.target, self.client, self.server = None, Direction(), Direction()

    async def __aenter__(self):
        self.listener = await asyncio.start_server(self.accept, "127.0.0.1", 0)
        self.port = self.listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.listener.close()

    async def accept(self, reader, writer):
        # Who says nothing wants nothing: a proxy that looks whether somebody listens.
        first = await read(reader)
        if not first:
            return writer.close()
        self.client, self.server = Direction(), Direction()
        try:
            further, onward = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            return writer.close()
        await asyncio.gather(
            move(reader, onward, self.client, first), move(further, writer, self.server), return_exceptions=True)
        for end in [writer, onward]:
            end.close()


async def read(reader):
    """What comes, b"" at the end, None at a reset."""
    try:
        return await reader.read(1 << 16)
    except OSError:
        return None


async def move(reader, writer, direction, data=None):
    data = data or await read(reader)
    while data:
        direction.feed(data)
        writer.write(data)
        await writer.drain()
        data = await read(reader)
    if data is None:
        reset = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.close()
    elif writer.can_write_eof():
        writer.write_eof()
