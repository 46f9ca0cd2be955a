"""Programs that listen, and the two proxies before them."""

import asyncio
import os
import signal
import socket
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path

HERE = Path(__file__).parent


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


async def until(what, true, seconds=10):
    """Waits for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"not in {seconds} s: {what}")
        await asyncio.sleep(0.02)


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Program:
    """A program that listens on a port, until the end of the `async with`."""

    def __init__(self, port, *command):
        self.port, self.command, self.process = port, command, None

    async def __aenter__(self):
        await self.start()
        return self

    async def __aexit__(self, *_):
        await self.stop(signal.SIGKILL)

    async def start(self):
        quiet = asyncio.subprocess.DEVNULL
        self.process = await asyncio.create_subprocess_exec(*self.command, stdout=quiet, stderr=quiet)
        await until(f"{self.command[0]} listens", lambda: listens(self.port))

    async def stop(self, how):
        if self.process.returncode is None:
            self.process.send_signal(how)
            await self.process.wait()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@asynccontextmanager
async def proxy(name, first, second, idle):
    """nginx or haproxy before the servers on two ports, with its limit on silence in seconds; yields its port."""
    with tempfile.TemporaryDirectory() as folder:
        file = "nginx.conf" if name == "nginx" else "haproxy.cfg"
        text, port = (HERE / file).read_text(), free_port()
        values = {"FOLDER": folder, "LISTEN": port, "FIRST": first, "SECOND": second, "IDLE": idle}
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        file = Path(folder) / file
        file.write_text(text)
        if name == "nginx":
            program = Program(port, "nginx", "-p", folder, "-e", f"{folder}/nginx.log", "-c", file)
        else:
            program = Program(port, "haproxy", "-db", "-f", file)
        await program.start()
        try:
            yield port
        finally:
            # A worker is left alone by a master that was killed.
            await program.stop(signal.SIGTERM)
