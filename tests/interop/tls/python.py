"""The `wss` echo server against the Python package `websockets`: python.py URL LOG"""

import asyncio
import os
import ssl
import sys
import time
from pathlib import Path

from websockets.asyncio.client import connect

URL, LOG = sys.argv[1], Path(sys.argv[2])

# Nobody vouches for the certificate.
TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname = False
TRUSTING.verify_mode = ssl.CERT_NONE


def said(line, times):
    for _ in range(100):
        if LOG.read_text().splitlines().count(line) >= times:
            return True
        time.sleep(0.02)
    return False


async def main():
    before = LOG.read_text().splitlines().count("1000 closed by the peer")
    async with connect(URL, ssl=TRUSTING, compression=None, max_size=None) as socket:
        print("ok     opened with", socket.transport.get_extra_info("ssl_object").version())
        for message in ["", "hello", "Grüße, 世界, \U0001f600", b"", os.urandom(125), os.urandom(1 << 24)]:
            await socket.send(message)
            assert await socket.recv() == message
        print("ok     text and up to 16 MiB of bytes come back")
        for number in range(1000):
            await socket.send(f"message {number}")
        assert [await socket.recv() for _ in range(1000)] == [f"message {number}" for number in range(1000)]
        print("ok     1,000 messages in one go come back in order")
        await (await socket.ping())
        print("ok     a ping is answered")
    assert socket.close_code == 1000
    assert said("1000 closed by the peer", before + 1)
    print("ok     closed clean at both ends, close_notify and all")
    many = await asyncio.gather(*(connect(URL, ssl=TRUSTING, compression=None) for _ in range(50)))
    for number, socket in enumerate(many):
        await socket.send(str(number))
    assert [await socket.recv() for socket in many] == [str(number) for number in range(50)]
    await asyncio.gather(*(socket.close() for socket in many))
    print("ok     fifty at a time")


asyncio.run(main())
