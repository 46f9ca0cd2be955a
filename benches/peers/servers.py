"""The servers to measure: how they are built, started and stopped."""
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SERVERS = "bare sockless fastwebsockets tokio-websockets tokio-tungstenite bare-tokio sockless-tokio".split()
# Without this the C library copies with `rep movsb`, which valgrind counts byte by byte.
TUNED = {"GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=1000000000"}


def build():
    """Where the programs are."""
    def cargo(*arguments):
        command = ["cargo", "build", "--release", "--quiet", "--message-format", "json", *arguments]
        output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        messages = map(json.loads, output.splitlines())
        return {m["target"]["name"]: m["executable"] for m in messages if m.get("executable")}
    return cargo("--manifest-path", HERE / "Cargo.toml", "--bins") | cargo("--example", "echo_epoll")


def pinned(core):
    return ["taskset", "-c", str(core)] if shutil.which("taskset") and os.cpu_count() > 1 else []


class Server:
    def __init__(self, programs, name, *prefix):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        arguments = {"sockless": [programs["echo_epoll"], "--listen", self.address]}
        command = arguments.get(name, [programs["serve"], name, self.address])
        self.process = subprocess.Popen([*prefix, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True, env=os.environ | TUNED)

    def __enter__(self):
        host, port = self.address.split(":")
        for _ in range(200):
            try:
                socket.create_connection((host, int(port))).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise OSError("the server does not start")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.said = self.process.communicate()[1]
