"""The matrix as a page."""

HEAD = """# Who it talks to

Made by `tests/interop/matrix/run`, from its runs: do not edit. A cell is a connection between a peer and one of the
example programs, `listener` for a client and `client` for a server. Each was tried twice, with the programs built
without and with compression, and is good if both were. A relay between the two reads every frame that passes: what is
fragmented, compressed, masked, pinged or closed is seen on the wire, and not taken from a peer's word.

* "text and binary" go both ways.
* Each fragmented text has four parts, one of them empty.
* A ping is empty, short, and of 125 bytes; its pong has the same payload.
* Compression: 200 messages each way at the same time. It is agreed where our program has it, and then both ends use it;
  where it has not, a peer that offers it is declined and goes on without.
* A close is good if who is closed reports its code and reason, and who closes reports the answer's code.
* An abrupt end is a killed process. The other end reports 1006, and ours ends with status 1.
* nginx and HAProxy stand between our program and `websockets`.
* Tomcat is its WebSocket engine within a program of the test's.
* **errs**: the peer does, and the note says which section of the RFC is against it.

Numbers in brackets refer to the notes.
"""


def document(columns, cases):
    """The page: a table for each role, and the notes."""
    notes = {}  # what it says, and of whom

    def cell(column, case):
        result = worst(column.cells[case])
        word, _, why = result.partition(": ")
        shown = {"ok": "ok", "cannot": "–", "errs": "**errs**", "failed": "**failed**"}[word]
        if not why:
            return shown
        names = notes.setdefault(why.rstrip("."), [])
        if column.name not in names:
            names.append(column.name)
        return f"{shown} [{list(notes).index(why.rstrip('.')) + 1}]"

    def table(role):
        shown = [column for column in columns if column.role == role]
        yield "| | " + " | ".join(f"{column.name} {column.version}" for column in shown) + " |"
        yield "| --- |" + " --- |" * len(shown)
        for case in cases:
            yield f"| {case} | " + " | ".join(cell(column, case) for column in shown) + " |"

    roles = {"client": "Their clients, our server", "server": "Their servers, our client"}
    parts = [HEAD]
    for role, title in roles.items():
        parts.append(f"## {title}\n\n" + "\n".join(table(role)) + "\n")
    names = {column.name for column in columns if column.role == "client"}
    without = sorted(names - {column.name for column in columns if column.role == "server"})
    parts.append(f"No column here: {', '.join(without)}, which have no server.\n")
    parts.append("## Notes\n\n" + "\n".join(
        f"{i}. {', '.join(names)}: {why}." for i, (why, names) in enumerate(notes.items(), 1)) + "\n")
    return "\n".join(parts)


def worst(results):
    """What stands for all runs of a cell."""
    order = ["failed", "errs", "cannot", "ok: ", "ok"]
    return min(results, key=lambda result: next(i for i, word in enumerate(order) if result.startswith(word)))
