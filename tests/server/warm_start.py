"""Verbs that start at once: each is a process of its own, forked where all is imported already.

What makes a verb dear is Python that imports: that takes seconds, and the verb itself a twentieth
of one. So one process of the whole run imports everything, once. The `steward` that tests call is a
small client of it. It hands over its arguments, environment, folder, umask and standard streams,
passes on the signals that it gets, and ends as its fork ends. A client that is killed takes its
fork with it.

Two things differ from the real `steward`: a fork is no child of its client, so tests that look at
families of processes use the real one; and no import can be missing, since all are made.
"""

from __future__ import annotations

import ast
import gc
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

PLACE = "WARM_STEWARD"
"""The variable that tells all processes of a run of tests where the client is."""
ROOMS = ("domain", "store", "activities", "workflows", "workers", "service", "starters")
STREAMS = (0, 1, 2)
_ENOUGH = 1 << 20
"""More bytes than a call has: its environment is most of it."""

CLIENT = f"""#!{{python}} -IS
import os, signal, socket, sys
connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
connection.connect({{address!r}})
os.umask(umask := os.umask(0))
call = ascii((sys.argv, dict(os.environ), os.getcwd(), umask)).encode()
socket.send_fds(connection, [call], {STREAMS})
def pass_on(number, frame):
    try:
        connection.send(bytes([number]))
    except OSError:
        pass
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(number) != signal.SIG_IGN:
        signal.signal(number, pass_on)
code = int(connection.recv(16) or -signal.SIGKILL)
if code < 0:
    if code != -signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""


# --- what pytest runs -----------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Let one process serve the whole run, whoever of its workers calls."""
    if not hasattr(config, "workerinput"):
        config.add_cleanup(_start())


def _start() -> Callable[[], None]:
    """Start it; return what ends it. It imports nothing before the first call."""
    folder = Path(tempfile.mkdtemp(prefix="steward-"))
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(str(folder / "socket"))
    listening.listen(64)
    client = folder / "steward"
    client.write_text(CLIENT.format(python=sys.executable, address=listening.getsockname()))
    client.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-P", __file__, str(listening.fileno())],
        pass_fds=[listening.fileno()],
        stdin=subprocess.PIPE,  # it ends when this does: at the latest, when we die
        start_new_session=True,  # a Ctrl-C at the tests is not one at verbs
    )
    listening.close()
    os.environ[PLACE] = str(client)

    def stop() -> None:
        process.communicate()
        rmtree(folder)
        del os.environ[PLACE]

    return stop


# --- the process that forks -----------------------------------------------------------------------


class Forks:
    """Forks a verb for each call, until whoever started us ends."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._until = os.dup(0)
        self._running: dict[socket.socket, int] = {}
        """The number of each client's fork."""
        self._warm = self._forked = False
        self._selector = selectors.DefaultSelector()
        self._when_readable(self._until, self._end)
        self._when_readable(listening, self._accept)

    def serve(self) -> None:
        """Return in each fork, which is then to run its verb."""
        with Path(os.devnull).open() as nothing:  # nobody reads what is our own
            os.dup2(nothing.fileno(), 0)
        while not self._forked:
            key, _ = self._selector.select()[0]  # the first can undo the others
            key.data()

    def _when_readable(self, what: int | socket.socket, then: Callable[[], None]) -> None:
        self._selector.register(what, selectors.EVENT_READ, then)

    def _accept(self) -> None:
        client, _ = self._listening.accept()
        self._when_readable(client, partial(self._hear, client))

    def _hear(self, client: socket.socket) -> None:
        """Take a call from a client, or the number of a signal, or see that it is gone."""
        said, streams = b"", list[int]()
        with suppress(ConnectionError):
            said, streams, _, _ = socket.recv_fds(client, _ENOUGH, len(STREAMS))
        if fork := self._running.get(client):
            os.kill(fork, said[0] if said else signal.SIGKILL)
        if not said:
            self._selector.unregister(client)
            if not fork:
                client.close()
        elif not fork:
            self._fork(client, ast.literal_eval(said.decode()), streams)

    def _fork(self, client: socket.socket, call: Any, streams: Sequence[int]) -> None:
        if not self._warm:
            _import_everything()
            self._warm = True
        pid = os.fork()
        if pid == 0:
            self._forked = True
            for each in list(self._selector.get_map().values()):
                if isinstance(each.fileobj, socket.socket):
                    each.fileobj.close()
                else:
                    os.close(each.fd)
            self._selector.close()
            _become(call, streams)
            return
        for stream in streams:
            os.close(stream)
        self._running[client] = pid
        ends = os.pidfd_open(pid)
        self._when_readable(ends, partial(self._tell, ends, client))

    def _tell(self, ends: int, client: socket.socket) -> None:
        """Tell a client how its fork ended."""
        self._selector.unregister(ends)
        os.close(ends)
        _, status = os.waitpid(self._running.pop(client), 0)
        with suppress(ConnectionError):  # it may be gone itself
            client.send(str(os.waitstatus_to_exitcode(status)).encode())
        if client in self._selector.get_map():
            self._selector.unregister(client)
        client.close()

    def _end(self) -> None:
        for fork in self._running.values():
            os.kill(fork, signal.SIGKILL)
        sys.exit()


def _import_everything() -> None:
    for room in ROOMS:
        package = import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            import_module(module.name)
    gc.freeze()  # else the first collection in a fork copies what all share


def _become(call: Any, streams: Sequence[int]) -> None:
    """Be the process that the client would have been."""
    arguments, variables, folder, umask = call
    os.setsid()
    for stream, number in zip(streams, STREAMS, strict=True):
        os.dup2(stream, number)
        os.close(stream)
    os.umask(umask)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv[:] = arguments


if __name__ == "__main__":
    Forks(socket.socket(fileno=int(sys.argv[1]))).serve()
    from starters.cli import main

    main()
