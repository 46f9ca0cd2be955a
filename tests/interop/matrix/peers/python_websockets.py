"""Python's `websockets` as a peer: python_websockets.py client|server"""

import asyncio
from pathlib import Path

from lines import message, run, tell, text
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

ws = None
tasks = set()


async def attend(connection):
    """Tells what comes to the end of the connection."""
    global ws
    ws = connection
    tell("open", ws.subprotocol or "")
    try:
        while True:
            message(await ws.recv())
    except ConnectionClosed:
        await ws.wait_closed()
        tell("closed", ws.close_code, ws.close_reason)


def choose(_, offered):
    """By itself it refuses a client that offers none."""
    return next((name for name in offered if name in ["chat", "echo"]), None)


async def listen():
    server = await serve(attend, "127.0.0.1", 0, select_subprotocol=choose, max_size=None, ping_interval=None)
    return server.sockets[0].getsockname()[1]


async def open_at(url, *subprotocols):
    options = {"subprotocols": subprotocols} if subprotocols else {}
    later(attend(await connect(url, max_size=None, ping_interval=None, proxy=None, **options)))


def later(what):
    tasks.add(task := asyncio.ensure_future(what))
    task.add_done_callback(tasks.discard)


async def ping(payload):
    await ws.ping(payload)


async def close(code, reason):
    if not code:
        return "its `close` always has a code"
    later(ws.close(int(code), reason))


commands = {
    "connect": open_at,
    "text": lambda file: ws.send(text(file)),
    "binary": lambda file: ws.send(Path(file).read_bytes()),
    "fragments": lambda *files: ws.send([text(file) for file in files]),
    "ping": ping,
    "close": close,
}
asyncio.run(run("websockets", commands, listen))
