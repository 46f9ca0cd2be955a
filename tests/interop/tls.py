"""The example programs of sockless-tokio, built with the feature `platform-roots`, through TLS.

    tls.py FOLDER

FOLDER has the example programs; the environment variable PREFIX stands before their names.
"""

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

HERE, FOLDER, PREFIX = Path(__file__).parent, Path(sys.argv[1]), os.environ.get("PREFIX", "tokio_")
BIG = os.urandom(4 << 20)


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r:.200}, wanted {wanted!r:.200}")


def certificate(folder):
    """A certificate for 127.0.0.1 and localhost that signs itself, and its key."""
    files = Path(folder) / "certificate.pem", Path(folder) / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
               "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
               "-addext", "basicConstraints=critical,CA:FALSE", "-out", files[0], "-keyout", files[1]]
    subprocess.run(command, check=True, capture_output=True)
    return files


async def python_asks(certificate, key, url):
    trusting = ssl.create_default_context(cafile=certificate)
    async with connect(url.replace("https", "wss") + "echo", ssl=trusting, max_size=None, proxy=None) as ws:
        for message in ["Grüße", b"", BIG]:
            await ws.send(message)
            equal(await ws.recv(), message)
        await (await ws.ping())
        await ws.close(3001, "bis später")
        equal((ws.close_code, ws.close_reason), (3001, "bis später"))


async def chromium_asks(certificate, key, url):
    browser = await asyncio.create_subprocess_exec("node", HERE / "browser.mjs", url)
    equal(await browser.wait(), 0)


async def python_serves(certificate, key, url):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def echo(ws):
        try:
            while True:
                await ws.send(await ws.recv())
        except ConnectionClosed:
            pass

    async with serve(echo, "127.0.0.1", 0, ssl=context, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        lines = ["Grüße", "/binary " + BIG[:70_000].hex()]
        for host in ["127.0.0.1", "localhost"]:
            equal(await client(f"wss://{host}:{port}/", certificate, lines), (0, lines))
        # Nobody has heard of the one who signed it.
        equal((await client(f"wss://127.0.0.1:{port}/", "/etc/ssl/certs/ca-certificates.crt", lines))[0], 1)


async def client(url, authorities, lines):
    """What the client program ends with, and prints, when it is told these lines."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        FOLDER / f"{PREFIX}client", url, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"SSL_CERT_FILE": str(authorities)}, limit=64 << 20)
    heard = []
    for line in lines:
        process.stdin.write(line.encode() + b"\n")
        line = await process.stdout.readline()
        heard.append(line.decode().rstrip("\n"))
    process.stdin.close()
    return await process.wait(), heard


async def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        files = certificate(folder)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        server = await asyncio.create_subprocess_exec(
            FOLDER / f"{PREFIX}echo_server", "--listen", f"127.0.0.1:{port}", "--tls", *files,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
        url = f"https://127.0.0.1:{port}/"
        try:
            equal(await server.stdout.readline(), f"listening on {url}\n".encode())
            for body in [python_asks, python_serves, chromium_asks]:
                try:
                    await asyncio.wait_for(body(*files, url), 120)
                    print("ok    ", body.__name__.replace("_", " "), flush=True)
                except Exception as e:
                    failed += 1
                    print("FAILED", f"{body.__name__}: {type(e).__name__} {e}", flush=True)
        finally:
            server.kill()
            await server.wait()
    return 1 if failed else 0


sys.exit(asyncio.run(main()))
