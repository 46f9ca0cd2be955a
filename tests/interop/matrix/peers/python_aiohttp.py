"""Python's `aiohttp` as a peer: python_aiohttp.py client|server"""

import asyncio
from pathlib import Path

from aiohttp import ClientSession, WSMsgType, web
from lines import message, run, tell, text

ws = session = closing = None
tasks = set()


async def attend(connection, subprotocol):
    """Tells what comes to the end of the connection."""
    global ws
    ws, reason = connection, ""
    tell("open", subprotocol or "")
    while (got := await ws.receive()).type not in (WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
        if got.type is WSMsgType.CLOSE:
            reason = got.extra or ""
        else:
            message(got.data)
    if got.type is WSMsgType.CLOSING:
        await closing
    tell("closed", ws.close_code, reason)


async def accept(request):
    connection = web.WebSocketResponse(protocols=["chat", "echo"], max_msg_size=0, compress=True)
    await connection.prepare(request)
    await attend(connection, connection.ws_protocol)
    return connection


async def listen():
    app = web.Application()
    app.router.add_get("/", accept)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner.addresses[0][1]


async def open_at(url, *subprotocols):
    global session
    session = session or ClientSession()
    connection = await session.ws_connect(url, protocols=subprotocols, max_msg_size=0, compress=15)
    later(attend(connection, connection.protocol))


def later(what):
    tasks.add(task := asyncio.ensure_future(what))
    task.add_done_callback(tasks.discard)
    return task


async def fragments(*files):
    return "its writer sets FIN in every frame"


async def close(code, reason):
    global closing
    if not code:
        return "its `close` always has a code"
    closing = later(ws.close(code=int(code), message=reason.encode()))


commands = {
    "connect": open_at,
    "text": lambda file: ws.send_str(text(file)),
    "binary": lambda file: ws.send_bytes(Path(file).read_bytes()),
    "fragments": fragments,
    "ping": lambda payload: ws.ping(payload.encode()),
    "close": close,
}
asyncio.run(run("aiohttp", commands, listen))
