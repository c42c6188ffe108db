"""A mail provider that takes everything, as cheaply as can be: `python -m benchmarks.mail_provider PORT`."""

import asyncio
import sys

import uvloop

_ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"content-length:" in head:
        await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
    writer.write(_ANSWER)
    await writer.drain()
    writer.close()


async def _serve(port: int) -> None:
    async with await asyncio.start_server(_take, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
