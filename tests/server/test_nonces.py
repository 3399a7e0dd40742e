"""No two messages are encrypted with the same random number, whoever sends them."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from store.key_ring import NONCE_BYTES
from workers.nonces import new_nonce

_MANY = 2000
"""More than are drawn at once, several times."""

_IN_A_COPY = """\
import os

from workers.nonces import new_nonce

new_nonce()
reading, writing = os.pipe()
if os.fork() == 0:
    os.write(writing, new_nonce())
    os._exit(0)
print(os.read(reading, 100).hex(), new_nonce().hex())
"""


def test_no_two_are_alike_whichever_thread_takes_them() -> None:
    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda _: new_nonce(), range(_MANY)))
    assert {len(each) for each in taken} == {NONCE_BYTES}
    assert len(set(taken)) == _MANY


def test_the_copy_of_a_process_has_others() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _IN_A_COPY], check=True, capture_output=True, text=True
    )
    in_the_copy, here = ran.stdout.split()
    assert in_the_copy != here
