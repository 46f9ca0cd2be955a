"""The two ends of a connection: a peer and one of our programs, both processes that read and write lines."""

import asyncio
import hashlib
import os
import signal

# Seconds, for a busy machine.
PATIENCE = 30
MIB = 1 << 20


class Cannot(Exception):
    """The peer has no way to do what the case asks for."""


class Failed(Exception):
    """What happened is not what should have."""


def equal(what, got, wanted):
    if got != wanted:
        raise Failed(f"{what}: {got!r:.100} instead of {wanted!r:.100}")


class Program:
    """A process with lines of input and output, killed with all its own at the end."""

    def __init__(self, *command, **pipes):
        self.command, self.pipes, self.process = command, pipes, None

    async def __aenter__(self):
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(
            *self.command, stdin=pipe, stdout=pipe, limit=64 * MIB, start_new_session=True, **self.pipes)
        return self

    async def __aexit__(self, *_):
        await self.kill()

    async def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        await self.process.wait()

    async def say(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
            await self.process.stdin.drain()
        except ConnectionError:
            raise Failed("the program that is spoken to is gone") from None


async def line_of(stream, what):
    try:
        line = await asyncio.wait_for(stream.readline(), PATIENCE)
    except TimeoutError:
        raise Failed(f"{what}: nothing in {PATIENCE} s") from None
    if not line:
        raise Failed(f"{what}: the program ended")
    return line.decode("utf-8", "replace").removesuffix("\n")


def digest(message):
    """A message as both ends' events have it."""
    data = message.encode() if isinstance(message, str) else message
    return ["text" if isinstance(message, str) else "binary", str(len(data)), hashlib.sha256(data).hexdigest()]


class Peer(Program):
    """A program of `peers/`, which speaks the lines of its README."""

    def __init__(self, command, role, files):
        # Who is killed leaves its temporary files behind, so they are here.
        env = os.environ | {"TMPDIR": str(files)}
        super().__init__(*command, stderr=asyncio.subprocess.DEVNULL, env=env)
        self.role, self.files, self.version, self.port = role, files, None, None

    async def __aenter__(self):
        await super().__aenter__()
        try:
            (self.version,) = (await self.told("version"))[1:]
            if self.role == "server":
                self.port = int((await self.told("listening"))[0])
        except Failed:
            await self.kill()
            raise
        return self

    async def hear(self, what="the peer"):
        word, *rest = (await line_of(self.process.stdout, what)).split("\t")
        if word == "cannot":
            raise Cannot(rest[0])
        return [word, *rest]

    async def told(self, word):
        got, *rest = await self.hear(f"the peer's `{word}`")
        equal("the peer tells", [got, *rest][:1], [word])
        return rest

    async def do(self, *words):
        await self.say("\t".join(words))

    async def send(self, message):
        await self.do("text" if isinstance(message, str) else "binary", self.file(message))

    def file(self, message):
        data = message.encode() if isinstance(message, str) else message
        path = self.files / hashlib.sha256(data).hexdigest()
        if not path.exists():
            path.write_bytes(data)
        return str(path)


class Ours(Program):
    """`client` or `listener`: a terminal."""

    def __init__(self, *command):
        super().__init__(*command, stderr=asyncio.subprocess.PIPE)

    async def told(self, beginning):
        """The rest of a line that says how the connection is."""
        line = await line_of(self.process.stderr, f"our `{beginning}`")
        if not line.startswith(beginning):
            raise Failed(f"we say {line!r} instead of {beginning}")
        return line.removeprefix(beginning).strip()

    async def hear(self):
        line = await line_of(self.process.stdout, "our message")
        return digest(bytes.fromhex(line.removeprefix("/binary ")) if line.startswith("/binary ") else line)

    async def send(self, message):
        await self.say(message if isinstance(message, str) else f"/binary {message.hex()}")

    async def closed(self):
        """The code and reason that we report, and our exit status."""
        said = await self.told("closed")
        code, _, reason = said.partition(" ")
        try:
            return code, reason, await asyncio.wait_for(self.process.wait(), PATIENCE)
        except TimeoutError:
            raise Failed("our program does not end") from None
