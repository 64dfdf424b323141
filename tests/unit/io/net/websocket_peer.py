"""A WebSocket peer that this project did not write: the websockets library.

serve [CERT KEY]   prints its port, then serves until its input ends: echoes, or does what the message says
connect URI [CA]   connects, plays a fixed script against an echo, prints "ok"
"""
import asyncio
import logging
import ssl
import sys

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


logging.disable()  # ends that are no faults here


async def answer(ws):
    async for message in ws:
        if message == "fragments":
            async def pieces():
                for i in range(5):
                    yield f"piece {i} é€💰 ".ljust(3000 * i + 1, ".")
                    await ws.ping(b"between %d" % i)
            await ws.send(pieces())
        elif message == "ping":
            await (await ws.ping(b"are you there?"))
            await ws.send("pong came")
        elif message == "close":
            await ws.close(4001, "go away")
        elif message == "headers":
            await ws.send(str(ws.request.headers.get("APCA-API-KEY-ID")) + " " + ws.request.path + " " +
                          ws.request.headers["Host"])
        elif message == "drop":
            ws.transport.abort()
        else:
            await ws.send(message)


def refuse(connection, request):
    if request.path == "/forbidden":
        return connection.respond(403, "no\n")
    return None


async def run_server(certificate, key):
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    async with serve(answer, "127.0.0.1", 0, ssl=context, max_size=1 << 24, process_request=refuse,
                     ping_interval=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def run_client(uri, roots):
    context = ssl.create_default_context(cafile=roots) if roots else None
    async with connect(uri, ssl=context, max_size=1 << 24, ping_interval=None, proxy=None) as ws:
        await ws.send("text é€💰")
        assert await ws.recv() == "text é€💰"
        for size in (0, 1, 125, 126, 127, 65535, 65536, 200000):
            await ws.send(bytes(i * 7 & 255 for i in range(size)))
            assert await ws.recv() == bytes(i * 7 & 255 for i in range(size)), size
        await ws.send(["in ", "three ", "pieces"])
        assert await ws.recv() == "in three pieces"
        await (await ws.ping(b"still there?"))
        await ws.close(4002, "enough")
        assert ws.close_code == 4002 and ws.protocol.close_rcvd.reason == "enough", ws.close_code
    try:
        async with connect(uri + "nowhere", ssl=context, proxy=None):
            raise AssertionError("refused paths do not open")
    except websockets.exceptions.InvalidStatus as e:
        assert e.response.status_code == 404, e
    print("ok", flush=True)


if sys.argv[1] == "serve":
    asyncio.run(run_server(*(sys.argv[2:] or [None, None])))
else:
    asyncio.run(run_client(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None))
