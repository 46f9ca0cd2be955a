"""Servers behind proxies: how they idle, close, and leave; and a chat over several processes.

    proxies.py FOLDER

FOLDER has the example programs of sockless-tokio.
"""

import asyncio
import os
import signal
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from proxy import Program, free_port, proxy, until
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

FOLDER = Path(sys.argv[1])
# The proxies' limit on silence, in seconds.
IDLE = 4
CHECKS = []


def check(body):
    CHECKS.append(body)
    return body


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r:.300}, wanted {wanted!r:.300}")


def echo_server(*options):
    port = free_port()
    return Program(port, FOLDER / "tokio_echo_server", "--listen", f"127.0.0.1:{port}", *options)


async def before(stack, name, servers):
    """The URL of a proxy before two servers."""
    port = await stack.enter_async_context(proxy(name, *(server.port for server in servers), IDLE))
    return f"ws://127.0.0.1:{port}"


@asynccontextmanager
async def two_behind(name, *options):
    """Two echo servers behind a proxy; yields them and the proxy's URL."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(echo_server(*options)) for _ in range(2)]
        yield servers, await before(stack, name, servers) + "/echo"


def open_at(url, **options):
    return connect(url, proxy=None, compression=None, max_size=None, open_timeout=10, **{"ping_interval": None} | options)


def server_of(ws):
    """Who served this, as the proxy says: nginx names those too that were not there."""
    return ws.response.headers["X-Server"].split(", ")[-1]


async def end_of(ws, seconds=10):
    """The code of the peer's Close, or None if it sent none."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                await ws.recv()
    except ConnectionClosed as e:
        return e.rcvd.code if e.rcvd else None


def server_named(servers, name):
    """The one of the two that the proxy calls so."""
    return servers[0 if name == "first" or name.endswith(f":{servers[0].port}") else 1]


async def echoes(ws, message):
    await ws.send(message)
    equal(await ws.recv(), message)


@check
async def messages_pings_and_closes_pass(name):
    async with two_behind(name) as (servers, url):
        big = os.urandom(4 << 20)
        sockets = [await open_at(url) for _ in range(6)]
        equal(len({server_of(ws) for ws in sockets}), 2)
        for ws in sockets:
            await echoes(ws, "Grüße, 世界")
        await echoes(sockets[0], big)
        await (await sockets[1].ping(b"there?"))
        for ws, code in zip(sockets, [1000, 1001, 3001, 4999, 1000, 1000]):
            await ws.close(code, "bis später")
            equal((ws.close_code, ws.close_reason), (code, "bis später"))


@check
async def silence_is_cut_off_and_pings_keep_it(name):
    async with two_behind(name) as (servers, url):
        before = [server.descriptors() for server in servers]
        async with open_at(url) as ws:
            started = time.monotonic()
            equal(await end_of(ws), None)
            equal(IDLE - 1 < time.monotonic() - started < IDLE + 3, True)
        await until("the servers let go", lambda: [server.descriptors() for server in servers] == before)
    # Between one ping and the next are the time for its answer and the interval.
    async with two_behind(name, "--ping", "1") as (servers, url):
        async with open_at(url) as ws:
            await asyncio.sleep(2.5 * IDLE)
            await echoes(ws, "still there")


@check
async def an_end_without_a_close_reaches_the_other_side(name):
    async with two_behind(name) as (servers, url):
        before = [server.descriptors() for server in servers]
        sockets = [await open_at(url) for _ in range(20)]
        for ws in sockets:
            await echoes(ws, "hello")
            ws.transport.abort()
        await until("the servers let go", lambda: [server.descriptors() for server in servers] == before)
        sockets = [await open_at(url) for _ in range(20)]
        at_first = [ws for ws in sockets if server_of(ws) == server_of(sockets[0])]
        others = [ws for ws in sockets if ws not in at_first]
        equal(len(at_first), 10)
        gone = server_named(servers, server_of(at_first[0]))
        await gone.stop(signal.SIGKILL)
        equal([await end_of(ws) for ws in at_first], [None] * 10)
        for ws in others:
            await echoes(ws, "no harm")
        # Who comes again is served, by the one that is left.
        again = [await open_at(url) for _ in range(10)]
        equal({server_of(ws) for ws in again}, {server_of(others[0])})


class Client:
    """Comes back whenever it is sent away, and counts what it was told."""

    def __init__(self, url):
        self.url, self.codes, self.ws, self.answered = url, [], None, 0
        self.task = asyncio.create_task(self.run())

    async def run(self):
        while True:
            try:
                async with open_at(self.url) as ws:
                    self.ws = ws
                    try:
                        while True:
                            await echoes(ws, "x")
                            self.answered += 1
                            await asyncio.sleep(0.05)
                    except ConnectionClosed as e:
                        self.codes.append(e.rcvd.code if e.rcvd else None)
            except (InvalidStatus, OSError, EOFError) as e:
                self.codes.append(type(e).__name__)
            self.ws = None
            await asyncio.sleep(0.05)


async def found(url, name):
    """Comes again until this server is the one that answers."""
    async with asyncio.timeout(10):
        while True:
            async with open_at(url) as ws:
                if server_of(ws) == name:
                    return
            await asyncio.sleep(0.2)


@check
async def one_is_drained_and_its_clients_move(name):
    async with two_behind(name) as (servers, url):
        clients = [Client(url) for _ in range(40)]
        try:
            await until("all are in", lambda: all(c.ws for c in clients))
            for at, (how, code) in [(0, (signal.SIGTERM, 1012)), (1, (signal.SIGINT, 1001))]:
                leaving, staying = servers[at], servers[1 - at]
                names = ["first", "second"] if name == "haproxy" else [f"127.0.0.1:{s.port}" for s in servers]
                before = [len(c.codes) for c in clients]
                moved = [c for c in clients if c.ws and server_of(c.ws) == names[at]]
                equal(len(moved) > 0, True)
                started = time.monotonic()
                leaving.process.send_signal(how)
                await until("the server ends", lambda: leaving.process.returncode is not None)
                equal(leaving.process.returncode, 0)
                there = lambda c: c.ws and server_of(c.ws) == names[1 - at]
                await until("all are at the other", lambda: all(map(there, clients)))
                print(f"       {len(moved)} moved in {time.monotonic() - started:.2f} s")
                told = [c.codes[b:] for c, b in zip(clients, before) if c in moved]
                equal(told, [[code]] * len(moved))
                equal([c.codes[b:] for c, b in zip(clients, before) if c not in moved], [[]] * (40 - len(moved)))
                answered = [c.answered for c in clients]
                await until("all are served", lambda: all(c.answered > a for c, a in zip(clients, answered)))
                await leaving.start()
                # The proxies look again after a second. New ones come to the one that has the fewest.
                await found(url, names[at])
                if at == 0:
                    # Some of them back, so that the other one too has somebody to send away.
                    back = clients[0].ws
                    back.transport.abort()
                    await until("one is back", lambda: clients[0].ws not in (None, back))
        finally:
            for c in clients:
                c.task.cancel()


@asynccontextmanager
async def two_chats_behind(name):
    """Two chat processes with Redis between them behind a proxy; yields Redis, them and the proxy's URL."""
    port = free_port()
    redis = Program(port, "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(redis)
        bus = f"redis://127.0.0.1:{port}/"
        servers = []
        for _ in range(2):
            port = free_port()
            program = Program(port, FOLDER / "tokio_chat", "--listen", f"127.0.0.1:{port}", "--bus", bus)
            servers.append(await stack.enter_async_context(program))
        yield redis, servers, await before(stack, name, servers)


@check
async def a_chat_outlives_its_redis(name):
    async with two_chats_behind(name) as (redis, servers, url):
        ann = await open_at(f"{url}/ws?room=r&name=ann", ping_interval=1)
        bob = await open_at(f"{url}/ws?room=r&name=bob", ping_interval=1)
        equal(server_of(ann) != server_of(bob), True)
        # Who enters is announced through Redis, and sent away if it is gone by then.
        for ws in [ann, bob]:
            while await asyncio.wait_for(ws.recv(), 5) != "joined bob\n":
                pass
        await redis.stop(signal.SIGKILL)
        await ann.send("lost")
        equal(await end_of(ann), 1013)
        async with open_at(f"{url}/ws?room=r&name=ann") as ann:
            equal(await end_of(ann), 1013)
        await redis.start()
        # Who comes again is heard by who was there all the while, at the other process.
        async with asyncio.timeout(20):
            while not await is_heard(f"{url}/ws?room=r&name=ann", bob):
                pass


async def is_heard(url, other):
    """Whether what one says, who comes for it, arrives at another soon."""
    async with open_at(url, ping_interval=1) as ws:
        try:
            await ws.send("again")
        except ConnectionClosed:
            return False
        try:
            async with asyncio.timeout(1):
                while await other.recv() != "said ann\nagain":
                    pass
        except TimeoutError:
            return False
        return True


@check
async def a_chat_spans_processes(name):
    async with two_chats_behind(name) as (redis, servers, url):
        ann = await open_at(f"{url}/ws?room=r&name=ann", ping_interval=1)
        bob = await open_at(f"{url}/ws?room=r&name=bob", ping_interval=1)
        equal(server_of(ann) != server_of(bob), True)
        # At the process that stays.
        others = [await open_at(f"{url}/ws?room=elsewhere&name=eve", ping_interval=1) for _ in range(4)]
        eve = next(ws for ws in others if server_of(ws) == server_of(bob))

        async def hear(ws):
            said = []
            while len(said) < 2000:
                message = await ws.recv()
                if message.startswith("said "):
                    said.append(message)
            return said

        async def say(ws, name):
            for i in range(1000):
                await ws.send(f"{name} {i}")

        started = time.monotonic()
        heard = asyncio.gather(hear(ann), hear(bob))
        await asyncio.gather(say(ann, "ann"), say(bob, "bob"))
        by_ann, by_bob = await asyncio.wait_for(heard, 60)
        print(f"       1,000 messages each way in {time.monotonic() - started:.2f} s")
        equal(by_ann, by_bob)
        for who in ["ann", "bob"]:
            said = [message for message in by_ann if message.startswith(f"said {who}\n")]
            equal(said, [f"said {who}\n{who} {i}" for i in range(1000)])
        for ws in others:
            equal(await asyncio.wait_for(ws.recv(), 1), "joined eve\n")
        await bob.close()
        equal(await asyncio.wait_for(ann.recv(), 5), "left bob\n")
        # One process leaves: its members are told to come again, and find the other.
        server_named(servers, server_of(ann)).process.send_signal(signal.SIGTERM)
        equal(await end_of(ann), 1012)
        async with open_at(f"{url}/ws?room=elsewhere&name=ann", ping_interval=1) as ann:
            await ann.send("here again")
            while await asyncio.wait_for(eve.recv(), 5) != "said ann\nhere again":
                pass


async def main():
    failed = passed = 0
    for name in ["nginx", "haproxy"]:
        print(f"-- {name}")
        for body in CHECKS:
            try:
                await asyncio.wait_for(body(name), 120)
                passed += 1
                print("ok    ", body.__name__.replace("_", " "), flush=True)
            except Exception as e:
                failed += 1
                print("FAILED", f"{body.__name__}: {type(e).__name__} {e}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(asyncio.run(main()))
