# -*- coding: utf-8 -*-
# websocket-client 0.4.1, a client of hixie-76, against the echo server.
#   python2.7 python27.py URL
import sys

import websocket

URL = sys.argv[1]
passed = failed = 0


def check(name, body):
    global passed, failed
    try:
        body()
        passed += 1
        print("ok     " + name)
    except Exception as error:
        failed += 1
        print("FAILED %s: %r" % (name, error))


def equal(got, wanted):
    if got != wanted:
        raise AssertionError("got %r, wanted %r" % (got[:100], wanted[:100]))


def opened():
    return websocket.create_connection(URL, timeout=20)


def echoes(ws, text):
    ws.send(text)
    equal(ws.recv(), text)


def lengths():
    ws = opened()
    for length in (0, 1, 125, 126, 127, 128, 16384):
        echoes(ws, "x" * length)
    ws.close()


def characters():
    ws = opened()
    for text in (u"你好", u"Grüße, κόσμε, \U0001f600"):
        echoes(ws, text.encode("utf-8"))
    ws.close()


def many_handshakes():
    # Each with keys of its own: blanks and other characters anywhere.
    for number in range(200):
        ws = opened()
        echoes(ws, "number %d" % number)
        ws.close()


def many_messages():
    ws = opened()
    for number in range(500):
        ws.send("number %d" % number)
    for number in range(500):
        equal(ws.recv(), "number %d" % number)
    ws.close()


def invalid_text():
    ws = opened()
    ws.send("a\x80b")
    equal(ws.recv(), u"a\ufffdb".encode("utf-8"))
    ws.close()


def closing():
    ws = opened()
    ws.io_sock.send("\xff\x00")
    equal(ws._recv_strict(2), "\xff\x00")
    equal(ws.io_sock.recv(1), "")


def skipped():
    ws = opened()
    ws.io_sock.send("\x80\x05Hello" + "\x80\x81\x00" + "z" * 128)
    echoes(ws, "behind it")
    ws.close()


check("hixie-76: texts of many lengths", lengths)
check("hixie-76: characters beyond ASCII", characters)
check("hixie-76: 200 handshakes, 200 challenges", many_handshakes)
check("hixie-76: 500 messages before the first is read", many_messages)
check("hixie-76: text that is not UTF-8 comes back with U+FFFD", invalid_text)
check("hixie-76: length-prefixed frames are skipped", skipped)
check("hixie-76: FF 00 is answered, then the transport ends", closing)
print("%d passed, %d failed" % (passed, failed))
sys.exit(0 if failed == 0 and passed else 1)
