"""What is tried with every peer, each case on a connection of its own."""

import asyncio
import os

from ends import MIB, PATIENCE, Cannot, Failed, digest, equal
from relay import CLOSE, PING, PONG

SPEECH = "Grüße, κόσμε, 世界, \U0001f600 \U00010348"
CASES = {}


def case(name):
    def add(body):
        CASES[name] = body
        return body

    return add


class Connection:
    """Both ends and what went over the wire between them."""

    def __init__(self, ours, peer, relay, role, compresses):
        self.ours, self.peer, self.relay, self.role, self.compresses = ours, peer, relay, role, compresses
        self.over = False

    @property
    def peers_frames(self):
        return self.relay.client if self.role == "client" else self.relay.server

    @property
    def our_frames(self):
        return self.relay.server if self.role == "client" else self.relay.client

    async def both_ways(self, *messages):
        for message in messages:
            await self.peer.send(message)
            equal("from the peer", await self.ours.hear(), digest(message))
            await self.ours.send(message)
            equal("from us", await self.peer.hear(), digest(message))

    async def unless_refused(self, waiting):
        """What is waited for, unless the peer says before that it cannot."""
        waiting, refusal = asyncio.ensure_future(waiting), asyncio.ensure_future(self.peer.hear())
        try:
            await asyncio.wait([waiting, refusal], return_when=asyncio.FIRST_COMPLETED)
            if refusal.done():
                equal("the peer tells", refusal.result(), None)
            return await waiting
        finally:
            waiting.cancel()
            refusal.cancel()

    async def on_the_wire(self, what, true):
        for _ in range(PATIENCE * 50):
            if true():
                return
            await asyncio.sleep(0.02)
        raise Failed(f"not on the wire: {what}")


@case("text")
async def _(c):
    await c.both_ways("Hello, world!", SPEECH)


@case("binary")
async def _(c):
    await c.both_ways(bytes(range(256)))


@case("empty text and binary")
async def _(c):
    await c.both_ways("", b"")


def of_length(length):
    text = SPEECH.encode() * (length // len(SPEECH.encode()))
    return text.decode() + "*" * (length - len(text))


for name, length in [("125 bytes", 125), ("126 bytes", 126), ("65,535 bytes", 65535), ("65,536 bytes", 65536),
                     ("16 MiB", 16 * MIB)]:
    @case(f"{name}, text and binary")
    async def _(c, length=length):
        await c.both_ways(of_length(length), os.urandom(length))
        if len(c.peers_frames.messages()) > 2:
            return "it sends them in fragments"


# Long enough that nobody gathers them.
PARTS = ["one ", os.urandom(30_000).hex(), "", "Grüße, 世界 \U0001f600"]


@case("fragments from the peer")
async def _(c):
    await c.peer.do("fragments", *map(c.peer.file, PARTS))
    equal("from the peer", await c.unless_refused(c.ours.hear()), digest("".join(PARTS)))
    frames = c.peers_frames.messages()
    equal("more than one frame", len(frames) > 1, True)
    equal("FIN", [frame.fin for frame in frames], [False] * (len(frames) - 1) + [True])


@case("fragments from us, a ping between")
async def _(c):
    for part in PARTS[:-1]:
        await c.ours.say(f"/part {part}")
    await c.ours.say("/ping within")
    await c.ours.say(f"/last {PARTS[-1]}")
    equal("from us", await c.peer.hear(), digest("".join(PARTS)))
    equal("FIN", [frame.fin for frame in c.our_frames.messages()], [False, False, False, True])
    await c.on_the_wire("the peer's pong", lambda: b"within" in c.peers_frames.payloads(PONG))


PINGS = ["", "there?", "p" * 125]


@case("ping from the peer")
async def _(c):
    for payload in PINGS:
        await c.peer.do("ping", payload)
        sent = c.on_the_wire("the ping", lambda: payload.encode() in c.peers_frames.payloads(PING))
        await c.unless_refused(sent)
        await c.on_the_wire("our pong", lambda: payload.encode() in c.our_frames.payloads(PONG))


@case("ping from us")
async def _(c):
    for payload in PINGS:
        await c.ours.say(f"/ping {payload}".strip())
        await c.on_the_wire("the peer's pong", lambda: payload.encode() in c.peers_frames.payloads(PONG))


@case("compression")
async def _(c):
    offer = c.relay.client.field("sec-websocket-extensions")
    if c.role == "client" and "permessage-deflate" not in offer:
        raise Cannot("it does not offer it")
    messages = [of_length(i * i % 5003) if i % 3 else os.urandom(i % 100) * 20 for i in range(200)]

    async def all_of(send, hear, who):
        sending = asyncio.ensure_future(each(send, messages))
        for message in messages:
            equal(f"from {who}", await hear(), digest(message))
        await sending

    await asyncio.gather(
        all_of(c.peer.send, c.ours.hear, "the peer"), all_of(c.ours.send, c.peer.hear, "us"))
    agreed = c.relay.server.field("sec-websocket-extensions")
    equal("agreed", "permessage-deflate" in agreed, c.compresses)
    equal("our RSV1", any(frame.compressed for frame in c.our_frames.frames), c.compresses)
    if c.compresses and not any(frame.compressed for frame in c.peers_frames.frames):
        return "it inflates ours, and compresses nothing itself, which is its choice (RFC 7692 §6)"


async def each(send, messages):
    for message in messages:
        await send(message)


CLOSES = {
    "1000 with a reason": ("1000", "done"), "1001, no reason": ("1001", ""), "3001, bis später": ("3001", "bis später"),
    "4999, 123 bytes": ("4999", "r" * 123), "no code": ("", "")}
for name, (code, reason) in CLOSES.items():
    @case(f"close from the peer: {name}")
    async def _(c, code=code, reason=reason):
        await c.peer.do("close", code, reason)
        # It may say first that it has no way to.
        got = await c.peer.told("closed")
        equal("we report", await c.ours.closed(), (code or "1005", reason, 0))
        equal("the peer reports", got[0], code or "1005")
        c.over = True

for name, (code, reason) in CLOSES.items():
    @case(f"close from us: {name}")
    async def _(c, code=code, reason=reason):
        await c.ours.say(f"/close {code} {reason}".strip())
        equal("the peer reports", await c.peer.told("closed"), [code or "1005", reason])
        # It answers with the same code, typically (RFC 6455 §5.5.1); what it answers is what we report (§7.1.5).
        answer, _, status = await c.ours.closed()
        sent = [str(int.from_bytes(payload[:2])) if payload else "1005" for payload in c.peers_frames.payloads(CLOSE)]
        equal("we report", ([answer], status), (sent, 0))
        c.over = True
        if answer != (code or "1005"):
            return f"it answers with {answer}, and not with the same code as is typical (RFC 6455 §5.5.1)"


@case("subprotocol")
async def _(c):
    pass  # what is offered and chosen is looked at as the connection opens


@case("abrupt end of ours")
async def _(c):
    await c.ours.kill()
    equal("the peer reports", (await c.peer.told("closed"))[0], "1006")
    equal("our Closes", c.our_frames.payloads(CLOSE), [])
    c.over = True


@case("abrupt end of the peer's")
async def _(c):
    await c.peer.kill()
    code, _, status = await c.ours.closed()
    equal("we report", (code, status), ("1006", 1))
    c.over = True
