"""What the peers in Python share: commands come on lines, words between tabs; what happens is told in the same way.

README.md has the commands and the words.
"""

import asyncio
import hashlib
import sys
from importlib.metadata import version
from pathlib import Path


def tell(*words):
    print(*words, sep="\t", flush=True)


def message(payload):
    kind, data = ("text", payload.encode()) if isinstance(payload, str) else ("binary", bytes(payload))
    tell(kind, len(data), hashlib.sha256(data).hexdigest())


def text(file):
    return Path(file).read_bytes().decode()


async def run(package, commands, listen):
    """Plays the role that the argument names, and does what the lines say: each has a function in `commands`."""
    tell("version", package, version(package))
    if sys.argv[1] == "server":
        tell("listening", await listen())
    lines = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode():
        word, *rest = line.rstrip("\n").split("\t")
        try:
            if why := await commands[word](*rest):
                tell("cannot", why)
        except Exception as e:
            tell("error", type(e).__name__, e)
