"""The peers: how they are started, and what they are known to do wrong."""

import subprocess
import sys
import tempfile
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
TOMCAT = [str(jar) for jar in Path("/usr/share/java").glob("tomcat10-*.jar") if not jar.is_symlink()]
CLASSES = tempfile.TemporaryDirectory()
JAVA = ["java", "-Xmx1g", "-XX:TieredStopAtLevel=1", "-cp", ":".join([*TOMCAT, CLASSES.name])]
COMMANDS = {
    "websockets": [sys.executable, PEERS / "python_websockets.py"],
    "wsproto": [sys.executable, PEERS / "python_wsproto.py"],
    "aiohttp": [sys.executable, PEERS / "python_aiohttp.py"],
    "ws": ["node", PEERS / "node_ws.mjs"],
    "undici": ["node", PEERS / "node_undici.mjs"],
    "java.net.http": [*JAVA, "JavaClient"],
    "Tomcat": [*JAVA, "Tomcat"],
    "Chromium": ["node", PEERS / "browser.mjs"],
    "Firefox": ["node", PEERS / "browser.mjs"],
    # A proxy's peer is `websockets`, at its other side.
    "nginx": [sys.executable, PEERS / "python_websockets.py"],
    "HAProxy": [sys.executable, PEERS / "python_websockets.py"],
}
BROWSERS = ["Chromium", "Firefox"]
# Those that have no server.
CLIENTS = ["undici", "java.net.http", *BROWSERS]


def said(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout.strip()


# Their versions.
PROXIES = {
    "nginx": lambda: said("nginx", "-v").rpartition("/")[2],
    "HAProxy": lambda: said("haproxy", "-v").split()[2].partition("-")[0],
}


def compile_java():
    command = ["javac", "-nowarn", "-cp", ":".join(TOMCAT), "-d", CLASSES.name, *PEERS.glob("*.java")]
    subprocess.run(command, check=True)


# What a peer does wrong: what is seen, and why that is wrong.
# Each is written down from the frames that the relay saw and from the peer's source.
NO_CODE = "our Close is empty, which is code 1005 (RFC 6455 §7.1.5); it reports {}"
ERRORS = {
    ("Tomcat", "client", "16 MiB, text and binary"): (
        "our message: the program ended",
        "it dies of a StackOverflowError as it sends 16 MiB of binary in one frame, for each partial write calls the next"
        " one; no rule of the RFC"),
    ("aiohttp", "client", "close from us: no code"): (
        "the peer reports: ['1006', ''] instead of ['1005', '']",
        NO_CODE.format("1006, for it answers the Close and then waits for another")),
    ("aiohttp", "server", "close from us: no code"): (
        "the peer reports: ['0', ''] instead of ['1005', '']", NO_CODE.format("0")),
    ("Tomcat", "client", "close from us: no code"): (
        "the peer reports: ['1000', ''] instead of ['1005', '']", NO_CODE.format("1000")),
    ("Tomcat", "server", "close from us: no code"): (
        "the peer reports: ['1000', ''] instead of ['1005', '']", NO_CODE.format("1000")),
} | {
    ("wsproto", role, "fragments from us, a ping between"): (
        "from us: ['closed', '1007'",
        "a control frame between the fragments of a compressed message makes it forget that the message is compressed,"
        " so that it refuses the rest as bad text (RFC 6455 §5.4, RFC 7692 §6.2)")
    for role in ["client", "server"]
} | {
    ("aiohttp", "server", f"close from the peer: {case}"): (
        f"the peer reports: '1000' instead of '{case[:4]}'",
        "closed from another task than the one that receives, it ends TCP without a look at our Close, and reports 1000"
        " whatever that says (RFC 6455 §7.1.5)")
    for case in ["1001, no reason", "3001, bis später", "4999, 123 bytes"]}
