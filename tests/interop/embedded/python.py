"""The driver without an allocator against the Python package `websockets`, in both roles: python.py PROGRAM"""

import asyncio
import os
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

PROGRAM = sys.argv[1]


async def as_client():
    program = await asyncio.create_subprocess_exec(PROGRAM, "serve", "127.0.0.1:0", stdout=asyncio.subprocess.PIPE)
    url = (await program.stdout.readline()).decode().removeprefix("listening on ").strip()
    try:
        async with connect(url, compression=None, max_size=None) as socket:
            # Its buffers have a kilobyte: longer messages come back in fragments.
            for message in ["", "hello", "Grüße, 世界, \U0001f600" * 1000, os.urandom(1 << 20)]:
                await socket.send(message)
                assert await socket.recv() == message
            print("ok     messages up to 1 MiB come back from a kilobyte of memory")
            await (await socket.ping())
            print("ok     a ping is answered")
        assert socket.close_code == 1000
        assert await program.stdout.readline() == b"1000 closed by the peer\n"
        print("ok     closed clean at both ends")
    finally:
        program.kill()
        await program.wait()


async def as_server():
    async def echo(socket):
        async for message in socket:
            await socket.send(message)

    async with serve(echo, "127.0.0.1", 0, compression=None) as server:
        host, port = server.sockets[0].getsockname()
        program = await asyncio.create_subprocess_exec(
            PROGRAM, "connect", f"{host}:{port}", stdout=asyncio.subprocess.PIPE
        )
        said = (await program.communicate())[0]
        assert said == b"10 sent, 1000 closed by this end, clean: true\n", said
        print("ok     as a client: ten messages and a clean end")


asyncio.run(as_client())
asyncio.run(as_server())
