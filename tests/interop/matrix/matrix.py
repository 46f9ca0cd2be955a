"""Every peer, in every role that it has, against the programs `client` and `listener`, case by case.

    matrix.py [--peers NAME,NAME] [--cases WORDS] [--skip WORDS] [--write FILE] FOLDER...

Each FOLDER holds a build of the two programs: a cell of the matrix is good if it is with each of them. What a peer cannot
do is told by the peer while it runs; where it errs, roster.py has to know it. Status 1 if a cell failed.
"""

import argparse
import asyncio
import socket
import subprocess
import sys
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "proxies"))
from cases import CASES, Connection
from document import document
from ends import PATIENCE, Cannot, Failed, Ours, Peer, equal
from proxy import free_port, proxy
from relay import Relay
from roster import BROWSERS, CLIENTS, COMMANDS, ERRORS, PROXIES, compile_java


class Column:
    """A peer in a role."""

    def __init__(self, name, role):
        self.name, self.role = name, role
        self.command = [*COMMANDS[name], role, *([name.lower()] if name in BROWSERS else [])]
        self.proxy = name.lower() if name in PROXIES else None
        self.version, self.cells = PROXIES[name]() if self.proxy else None, {}

    async def run(self, folder, compresses, files):
        """Runs all cases with the programs in `folder`."""
        self.folder, self.compresses, peer = folder, compresses, None
        async with AsyncExitStack() as stack:
            self.relay = await stack.enter_async_context(Relay())
            for name, body in CASES.items():
                try:
                    if peer is None:
                        peer = await stack.enter_async_context(Peer(self.command, self.role, files))
                        self.version = self.version or peer.version
                        self.entry = await self.wire(peer, stack)
                    result = await self.cell(name, body, peer)
                except Failed as e:
                    result = f"failed: {e}"
                if result != "ok":
                    print(f"       {name}: {result}", flush=True)
                self.cells.setdefault(name, []).append(result)
                # Where something went wrong, or the peer is gone, a new one.
                if peer and (result.startswith(("failed", "errs")) or peer.process.returncode is not None):
                    await peer.kill()
                    peer = None

    async def wire(self, peer, stack):
        """The port to connect to. The relay is next to our program, a proxy between it and the peer."""
        async def behind(port):
            return await stack.enter_async_context(proxy(self.proxy, port, port, 60)) if self.proxy else port

        if self.role == "server":
            self.relay.target = await behind(peer.port)
            return self.relay.port
        self.relay.target = free_port()
        return await behind(self.relay.port)

    async def cell(self, name, body, peer):
        try:
            async with self.connection(peer, ["other", "chat"] if name == "subprotocol" else []) as c:
                note = await asyncio.wait_for(body(c), 4 * PATIENCE)
                equal("the client masks", {frame.masked for frame in c.relay.client.frames} - {True}, set())
                equal("the server does not", {frame.masked for frame in c.relay.server.frames} - {False}, set())
            return f"ok: {note}" if note else "ok"
        except Cannot as e:
            return f"cannot: {e}"
        except (Failed, TimeoutError) as e:
            seen, why = ERRORS.get((self.name, self.role, name), (None, None))
            if seen and str(e).startswith(seen):
                return f"errs: {why}"
            for direction in [self.relay.client, self.relay.server]:
                print("      ", direction.head.decode("latin-1").splitlines(), direction.frames[-4:], file=sys.stderr)
            return f"failed: {e or 'no end'}"

    @asynccontextmanager
    async def connection(self, peer, offered):
        """Opens a connection, and closes it if the case leaves that to be done."""
        url = f"ws://127.0.0.1:{self.entry}/"
        chosen = "chat" if offered else ""
        if self.role == "client":
            protocols = ["--protocol", "echo", "--protocol", "chat"]
            command = [self.folder / "listener", *protocols, f"127.0.0.1:{self.relay.target}"]
        else:
            protocols = [word for name in offered for word in ["--protocol", name]]
            command = [self.folder / "client", *protocols, url]
        async with Ours(*command) as ours:
            if self.role == "client":
                await ours.told("listening on")
                await peer.do("connect", url, *offered)
            equal("we open", await ours.told("open"), f"protocol {chosen}" if chosen else "")
            equal("the peer opens", await peer.told("open"), [chosen])
            c = Connection(ours, peer, self.relay, self.role, self.compresses)
            try:
                yield c
            except Cannot:
                await self.close(c)
                raise
            await self.close(c)

    async def close(self, c):
        if not c.over:
            await c.ours.say("/close 1000")
            equal("the peer reports", (await c.peer.told("closed"))[0], "1000")
            equal("we report", await c.ours.closed(), ("1000", "", 0))


def compresses(folder):
    """Whether these programs are built to: what the client offers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = subprocess.Popen(
            [folder / "client", f"ws://127.0.0.1:{server.getsockname()[1]}/"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with server.accept()[0] as peer:
            head = peer.recv(1 << 16)
        client.wait()
    return b"permessage-deflate" in head


async def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--peers", type=lambda names: names.split(","), default=list(COMMANDS))
    arguments.add_argument("--cases", default="")
    arguments.add_argument("--skip")
    arguments.add_argument("--write", type=Path)
    arguments.add_argument("folders", type=lambda folder: Path(folder).resolve(), nargs="+")
    asked = arguments.parse_args()
    for name in [name for name in CASES if asked.cases not in name or asked.skip and asked.skip in name]:
        del CASES[name]
    columns = [Column(name, role)
               for role in ["client", "server"] for name in asked.peers
               if role == "client" or name not in CLIENTS]
    if any(column.command[0] == "java" for column in columns):
        compile_java()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as files:
        for folder in asked.folders:
            compressing = compresses(folder)
            for column in columns:
                print(f"    -- {column.name}, {column.role}, {'compressing' if compressing else 'plain'}", flush=True)
                await column.run(folder, compressing, Path(files))
    results = [result for column in columns for results in column.cells.values() for result in results]
    failed = sum(result.startswith("failed") for result in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    if asked.write:
        asked.write.write_text(document(columns, list(CASES)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
