"""The example programs against the Python package `websockets`, in both roles.

    python.py URL FOLDER

URL is a running echo server (ws://HOST:PORT), FOLDER has the example programs; the environment variable PREFIX stands
before their names.
"""

import asyncio
import http.client
import logging
import os
import random
import signal
import socket
import struct
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from websockets.frames import Opcode

URL, FOLDER = sys.argv[1].rstrip("/"), Path(sys.argv[2])
ECHO = URL + "/echo"
HOST, PORT = urlsplit(URL).hostname, urlsplit(URL).port
MIB = 1 << 20
BIG = os.urandom(MIB) * 16
SPEECH = "Grüße, κόσμε, 世界, \U0001f600 \U00010348"
REQUEST = (
    f"GET /echo HTTP/1.1\r\nHost: {HOST}:{PORT}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
CHECKS = []


def program(name):
    return FOLDER / (os.environ.get("PREFIX", "") + name)


def check(name):
    def add(body):
        CHECKS.append((name, body))
        return body

    return add


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r:.200}, wanted {wanted!r:.200}")


def open_echo(url=ECHO, **options):
    return connect(url, max_size=None, open_timeout=30, proxy=None, **options)


async def echoes(ws, message):
    await ws.send(message)
    whole = message if isinstance(message, (str, bytes)) else type(message[0])().join(message)
    equal(await ws.recv(), whole)


# ---- as a client of the echo server


@check("server: text, binary and empty messages come back as they are")
async def _():
    async with open_echo() as ws:
        for message in ["Hello, world!", SPEECH, bytes(range(256)), "", b""]:
            await echoes(ws, message)


@check("server: every length form, text and binary")
async def _():
    async with open_echo() as ws:
        for size in [1, 125, 126, 127, 65535, 65536, 65537]:
            await echoes(ws, "*" * size)
            await echoes(ws, BIG[:size])


@check("server: 16 MiB of binary")
async def _():
    async with open_echo(compression=None) as ws:
        await echoes(ws, BIG)


@check("server: fragmented messages, also with empty fragments and cut characters")
async def _():
    async with open_echo() as ws:
        await echoes(ws, ["one ", "", "two ", SPEECH])
        await echoes(ws, [b"\x00\xff", b"", BIG[:70_000], b"end"])
        cut = SPEECH.encode()
        await ws.send((cut[i : i + 1] for i in range(len(cut))), text=True)
        equal(await ws.recv(), SPEECH)


@check("server: pings are answered, also between fragments")
async def _():
    async with open_echo() as ws:
        for payload in [b"", b"x" * 125]:
            latency = await (await ws.ping(payload))
            equal(0 <= latency < 10, True)

        async def parts():
            yield "one "
            await (await ws.ping(b"within"))
            yield "two"

        await ws.send(parts())
        equal(await ws.recv(), "one two")


@check("server: a close is answered with its code and reason")
async def _():
    for code, reason in [(1000, ""), (1001, "going"), (3001, "bis später"), (4999, "r" * 123)]:
        ws = await open_echo()
        await ws.close(code, reason)
        equal((ws.close_code, ws.close_reason), (code, reason))


@check("server: text that is not UTF-8 is refused with 1007")
async def _():
    async with open_echo() as ws:
        await ws.send(b"good \xff bad", text=True)
        equal(await end_of(ws), 1007)


@check("server: a frame that announces more than 64 MiB is refused with 1009 at once")
async def _():
    async with open_echo() as ws:
        ws.transport.write(b"\x82\xff" + struct.pack("!Q", 64 * MIB + 1) + b"mask")
        equal(await end_of(ws), 1009)


@check("server: frames right behind the request are not lost; after the closes it ends TCP")
async def _():
    frames = b"\x81\x82\0\0\0\0hi" + b"\x88\x82\0\0\0\0" + struct.pack("!H", 1000)
    answer = await asyncio.to_thread(drop, REQUEST + frames, answers=True)
    equal(answer.partition(b"\r\n\r\n")[2], b"\x81\x02hi" + b"\x88\x02" + struct.pack("!H", 1000))


@check("server: the first subprotocol of the client's list that it knows")
async def _():
    for offered, chosen in [(["echo"], "echo"), (["other", "chat", "echo"], "chat"), (["other"], None), (None, None)]:
        async with open_echo(subprotocols=offered) as ws:
            equal(ws.subprotocol, chosen)
            await echoes(ws, "still an echo")


@check("server: another path is 404")
async def _():
    try:
        async with open_echo(URL + "/elsewhere"):
            raise AssertionError("opened")
    except InvalidStatus as e:
        equal(e.response.status_code, 404)


@check("server: GET without upgrade: the page, 404, 426 with what it wants instead")
async def _():
    status, fields, body = await asyncio.to_thread(get, "/")
    equal((status, fields["content-type"].split(";")[0]), (200, "text/html"))
    equal(b"<title>sockless echo</title>" in body, True)
    equal((await asyncio.to_thread(get, "/nothing"))[0], 404)
    for extra in [{}, {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "12",
                       "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}]:
        status, fields, _ = await asyncio.to_thread(get, "/echo", extra)
        equal(status, 426)
        equal(fields.get("upgrade", "websocket").lower(), "websocket")
    equal(fields["sec-websocket-version"], "13")


@check("server: 200 connections at once")
async def _():
    sockets = await asyncio.gather(*[open_echo() for _ in range(200)])
    for _ in range(3):
        await asyncio.gather(*[echoes(ws, f"message of {i}") for i, ws in enumerate(sockets)])
    await asyncio.gather(*[ws.close(1000) for ws in sockets])
    equal({ws.close_code for ws in sockets}, {1000})


@check("server: an abrupt end of TCP at any point does not hurt it")
async def _():
    half_frame = b"\x82\xfe\x01\x00" + b"mask" + b"half"
    big_frame = b"\x82\xff" + struct.pack("!Q", 60 * MIB) + b"mask" + bytes(MIB)
    async with open_echo() as witness:
        for sent in [b"", REQUEST[:40], REQUEST, REQUEST + half_frame, REQUEST + big_frame]:
            for reset in [True, False]:
                await asyncio.to_thread(drop, sent, reset=reset)
        await echoes(witness, "still there")
        async with open_echo() as ws:
            await echoes(ws, "and still welcoming")


@check("server: SIGINT closes every connection with 1001 and ends with status 0")
async def _():
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        program("echo_server"), "--listen", f"127.0.0.1:{port}", stdout=asyncio.subprocess.PIPE)
    try:
        line = await asyncio.wait_for(server.stdout.readline(), 10)
        equal(line, f"listening on http://127.0.0.1:{port}/\n".encode())
        sockets = [await open_echo(f"ws://127.0.0.1:{port}/echo") for _ in range(5)]
        server.send_signal(signal.SIGINT)
        equal([await end_of(ws) for ws in sockets], [1001] * 5)
        equal(await asyncio.wait_for(server.wait(), 10), 0)
    finally:
        if server.returncode is None:
            server.kill()


async def end_of(ws):
    """The code of the peer's close, or None if it sent none."""
    try:
        while True:
            await ws.recv()
    except ConnectionClosed as e:
        return e.rcvd.code if e.rcvd else None


def get(path, fields={}):
    peer = http.client.HTTPConnection(HOST, PORT, timeout=10)
    try:
        peer.request("GET", path, headers=fields)
        answer = peer.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        peer.close()


def drop(sent, reset=False, answers=False):
    """Sends over bare TCP and goes away, with a reset or after everything the server has to say."""
    with socket.create_connection((HOST, PORT), timeout=10) as peer:
        if reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.sendall(sent)
        if answers:
            return b"".join(iter(lambda: peer.recv(65536), b""))
        time.sleep(0.05)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---- as a server of the client program


class Client:
    """The client program, with its lines of input and output."""

    @classmethod
    @asynccontextmanager
    async def run(cls, url, *options):
        self = cls()
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(
            program("client"), *options, url, stdin=pipe, stdout=pipe, stderr=pipe, limit=64 * MIB)
        try:
            yield self
        finally:
            if self.process.returncode is None:
                self.process.kill()
                await self.process.wait()

    async def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        await self.process.stdin.drain()

    async def hears(self):
        return (await self.process.stdout.readline()).decode().rstrip("\n")

    async def opened(self):
        return (await self.process.stderr.readline()).decode().rstrip()

    async def end(self):
        """Ends its input and gives its exit status, the `closed` line, and the lines that say why."""
        if not self.process.stdin.is_closing():
            self.process.stdin.close()
        lines = [line.rstrip() for line in (await self.process.stderr.read()).decode().splitlines()]
        status = await self.process.wait()
        closed = [line for line in lines if line.startswith("closed")]
        return status, closed, [line for line in lines if not line.startswith(("closed", "open"))]


@asynccontextmanager
async def serving(handler, **options):
    """A server whose only connection is handled by `handler`; yields its URL and a future of the handler's result."""
    result = asyncio.get_running_loop().create_future()

    async def handle(ws):
        try:
            result.set_result(await handler(ws))
        except Exception as e:
            result.set_exception(e)

    async with serve(handle, "127.0.0.1", 0, max_size=None, **options) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/some/path?q=1", result


async def echo(ws):
    try:
        while True:
            await ws.send(await ws.recv())
    except ConnectionClosed:
        pass
    return ws.close_code, ws.close_reason


@check("client: text and binary both ways; the end of its input closes with 1000, status 0")
async def _():
    async with serving(echo) as (url, result), Client.run(url) as client:
        equal(await client.opened(), "open")
        for line in ["Hello, world!", SPEECH, "", "*" * 70_000, "/binary 00ff7e", "/binary " + BIG[:70_000].hex()]:
            await client.say(line)
            equal(await client.hears(), line)
        equal(await client.end(), (0, ["closed 1000"], []))
        equal(await result, (1000, ""))


@check("client: lines sent before it is open and right before its end are not lost")
async def _():
    async def count(ws):
        return [message async for message in ws]

    async with serving(count) as (url, result), Client.run(url) as client:
        lines = [f"line {i}" for i in range(1000)]
        await client.say("\n".join(lines))
        equal((await client.end())[0], 0)
        equal(await result, lines)


@check("client: 16 MiB from the server, text and binary")
async def _():
    async def send(ws):
        await ws.send("*" * (16 * MIB))
        await ws.send(BIG)
        return await ws.recv()

    async with serving(send, compression=None) as (url, result), Client.run(url) as client:
        equal(await client.hears(), "*" * (16 * MIB))
        equal(await client.hears(), "/binary " + BIG.hex())
        await client.say("got it")
        equal(await result, "got it")
        equal((await client.end())[0], 0)


@check("client: fragmented messages from the server, with a ping between")
async def _():
    async def send(ws):
        async def parts():
            yield "one "
            await (await ws.ping(b"within"))
            yield "two"

        await ws.send(parts())
        cut = SPEECH.encode()
        await ws.send((cut[i : i + 1] for i in range(len(cut))), text=True)
        await ws.send([b"\x00", b"", b"\xff"])
        await ws.wait_closed()

    async with serving(send) as (url, result), Client.run(url) as client:
        equal([await client.hears() for _ in range(3)], ["one two", SPEECH, "/binary 00ff"])
        equal((await client.end())[0], 0)


@check("client: answers a ping, /ping arrives")
async def _():
    pings = []

    class Frames(logging.Handler):
        """The package shows control frames in its debug log only."""

        def emit(self, record):
            if record.msg.startswith("<") and getattr(record.args[0], "opcode", None) is Opcode.PING:
                pings.append(record)

    log = logging.Logger("frames", logging.DEBUG)
    log.addHandler(Frames())

    async def ping(ws):
        latency = await (await ws.ping(b"payload"))
        await ws.send("now you")
        await ws.recv()
        return latency

    async with serving(ping, logger=log, compression=None) as (url, result), Client.run(url) as client:
        equal(await client.hears(), "now you")
        equal(pings, [])
        await client.say("/ping")
        await client.say("done")
        equal(0 <= await result < 10, True)
        equal(len(pings), 1)
        equal((await client.end())[0], 0)


@check("client: /close CODE REASON arrives, status 0")
async def _():
    for code, reason in [(1000, ""), (1001, "away"), (3001, "bye"), (4999, "with several words, später")]:
        async with serving(echo) as (url, result), Client.run(url) as client:
            await client.say(f"/close {code} {reason}".rstrip())
            equal(await result, (code, reason))
            equal(await client.end(), (0, [f"closed {code} {reason}".rstrip()], []))


@check("client: prints the server's code and reason, status 0")
async def _():
    for code, reason in [(1000, ""), (1001, "away"), (3001, "bye"), (4999, "with several words, später")]:

        async def close(ws):
            await ws.close(code, reason)
            return ws.close_code

        async with serving(close) as (url, result), Client.run(url) as client:
            equal(await client.opened(), "open")
            equal(await result, code)
            # Its input is still open: the client has to end because the connection did.
            await asyncio.wait_for(client.process.wait(), 10)
            equal(await client.end(), (0, [f"closed {code} {reason}".rstrip()], []))


@check("client: an abrupt end of TCP is status 1 with one line that says why")
async def _():
    for reset in [True, False]:

        async def kill(ws):
            await ws.recv()
            if reset:
                ws.transport.abort()
            else:
                ws.transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

        async with serving(kill) as (url, result), Client.run(url) as client:
            equal(await client.opened(), "open")
            await client.say("kill me")
            await result
            await asyncio.wait_for(client.process.wait(), 20)
            status, _, why = await client.end()
            equal((status, len(why)), (1, 1))


@check("client: a refusal is status 1 with its number in the one line that says why")
async def _():
    def refuse(connection, request):
        return connection.respond(403, "go away\n")

    async with serving(echo, process_request=refuse) as (url, _), Client.run(url) as client:
        await asyncio.wait_for(client.process.wait(), 20)
        status, _, why = await client.end()
        equal((status, len(why), "403" in "".join(why)), (1, 1, True))


@check("client: nobody listening is status 1 with one line that says why")
async def _():
    async with Client.run(f"ws://127.0.0.1:{free_port()}/") as client:
        await asyncio.wait_for(client.process.wait(), 20)
        status, _, why = await client.end()
        equal((status, len(why)), (1, 1))


@check("client: subprotocol, its own header, origin, host and path reach the server")
async def _():
    async def look(ws):
        fields = ws.request.headers
        return ws.request.path, [fields.get(name) for name in ["Host", "X-Test", "Origin"]], ws.subprotocol

    options = ["--protocol", "chat", "--header", "X-Test: a value", "--origin", "http://example.org"]
    async with serving(look, subprotocols=["chat"], origins=["http://example.org"]) as (url, result):
        async with Client.run(url, *options) as client:
            equal(await client.opened(), "open protocol chat")
            wanted = [urlsplit(url).netloc, "a value", "http://example.org"]
            equal(await result, ("/some/path?q=1", wanted, "chat"))
            equal((await client.end())[0], 0)


# ---- compressed, where the programs are built for it


def mixed(count, seed, lines=False):
    """Messages of all kinds and lengths, from a fixed seed; `lines`: only text that stands on one line."""
    rng = random.Random(seed)
    for _ in range(count):
        size = rng.choice([0, 1, rng.randrange(100), rng.randrange(1000), rng.randrange(20_000)])
        text = "".join(f'{{"id": {rng.randrange(1000)}, "name": "Grüße"}}' for _ in range(size // 28 + 1))[:size]
        kind = rng.randrange(4)
        if kind == 0 and not lines:
            yield rng.randbytes(size)
        elif kind == 1 and not lines:
            yield text.encode()
        else:
            yield text


# Every size that zlib lets this peer have, with takeover and without: 10,000 messages in all, each way.
SETTINGS = [(bits, fresh) for bits in range(8, 16) for fresh in [False, True]]
EACH = 10_000 // len(SETTINGS)


async def compresses():
    async with open_echo() as ws:
        return bool(ws.protocol.extensions)


@check("server: 10,000 mixed messages compressed, windows of 8 to 15 bits, with takeover and without")
async def _():
    if not await compresses():
        return
    for bits, fresh in SETTINGS:
        # zlib cannot compress with 8 bits itself.
        offer = ClientPerMessageDeflateFactory(
            server_max_window_bits=bits, client_max_window_bits=max(bits, 9),
            server_no_context_takeover=fresh, client_no_context_takeover=fresh)
        async with open_echo(compression=None, extensions=[offer]) as ws:
            answer = ws.response.headers["Sec-WebSocket-Extensions"]
            equal(f"server_max_window_bits={bits}" in answer, True)
            equal(answer.count("no_context_takeover"), 2 * fresh)
            messages = list(mixed(EACH, bits))

            async def send():
                for i, message in enumerate(messages):
                    await ws.send([message[:7], message[7:]] if i % 5 == 0 else message)

            sending = asyncio.ensure_future(send())
            for message in messages:
                equal(await ws.recv(), message)
            await sending


@check("client: 10,000 mixed messages compressed, windows of 9 to 15 bits, with takeover and without")
async def _():
    if not await compresses():
        return
    for bits, fresh in SETTINGS[2:]:
        answer = ServerPerMessageDeflateFactory(
            server_max_window_bits=bits, client_max_window_bits=bits,
            server_no_context_takeover=fresh, client_no_context_takeover=fresh)
        async with serving(echo, compression=None, extensions=[answer]) as (url, result), Client.run(url) as client:
            equal(await client.opened(), "open")
            lines = [line for line in mixed(10_000 // 14 + 1, bits, lines=True) if not line.startswith("/")]

            async def say():
                for line in lines:
                    await client.say(line)

            saying = asyncio.ensure_future(say())
            for line in lines:
                equal(await client.hears(), line)
            await saying
            equal((await client.end())[0], 0)


if "PREFIX" not in os.environ:

    @check("the least client: a second text and a reset behind the closing are no failures")
    async def _():
        async def send(ws):
            equal(await ws.recv(), "Hello")
            await ws.send("one")
            await ws.send("two")
            await ws.wait_closed()
            return ws.close_code

        async with serving(send) as (url, result):
            process = await asyncio.create_subprocess_exec(program("hello"), url, stdout=asyncio.subprocess.PIPE)
            out, _ = await process.communicate()
            equal((out, process.returncode), (b"one\ntwo\n", 0))
            equal(await result, 1000)


async def main():
    failed = 0
    for name, body in CHECKS:
        try:
            await asyncio.wait_for(body(), 90)
            print("ok    ", name, flush=True)
        except Exception as e:
            failed += 1
            print("FAILED", f"{name}: {type(e).__name__} {e}", flush=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(asyncio.run(main()))
