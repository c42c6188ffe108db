"""The process that runs bcrypt, at the lowest priority: requests on standard input, one line each, answers on standard output.

It loads nothing of ours and ends when its input does, so that it never outlives the API process.
"""

import os
import sys

import bcrypt


def hashed(cost: int, prepared: bytes) -> bytes:
    return bcrypt.hashpw(prepared, bcrypt.gensalt(cost))


def checked(cost: int, prepared: bytes, stored: bytes) -> bytes:
    """Whether it matches. One that does not costs as much as at the present cost, also if it was stored at a lower one:
    2^c + 2^c + 2^(c+1) + ... + 2^(cost-1) = 2^cost."""
    if bcrypt.checkpw(prepared, stored):
        return b"1"
    for lower in range(int(stored[4:6]), cost):
        bcrypt.hashpw(prepared, bcrypt.gensalt(lower))
    return b"0"


def main() -> None:
    os.nice(19)
    for line in sys.stdin.buffer:
        cost, *words = line.split()
        answer = hashed(int(cost), words[0]) if len(words) == 1 else checked(int(cost), words[0], words[1])
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
