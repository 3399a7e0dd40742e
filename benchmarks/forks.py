"""Processes that start at once: each is forked from one that has imported all that they need.

What makes a short process dear is Python that imports: that takes seconds. So one process imports
everything, once, when it is first called. Whoever wants another starts a small client of it. The
client hands over its arguments, environment, folder, umask and standard streams, passes on the
signals that it gets, and ends as its fork ends. A client that is killed takes its fork with it.

A fork is no child of its client, and no import can be missing in it, since all are made.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path

_Call = tuple[list[str], dict[str, str], str, int]
"""Arguments, environment, folder and umask."""

_STREAMS = (0, 1, 2)
_ENOUGH = 1 << 20
"""More bytes than a call has: its environment is most of it."""

_CLIENT = f"""#!{{python}} -IS
import os, signal, socket, sys
connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
connection.connect({{address!r}})
os.umask(umask := os.umask(0))
call = ascii((sys.argv, dict(os.environ), os.getcwd(), umask)).encode()
socket.send_fds(connection, [call], {_STREAMS})
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


@contextmanager
def forks(
    entry: str, imported: Sequence[str], *, name: str, environment: Mapping[str, str] | None = None
) -> Iterator[Path]:
    """Yield the client until the block is left, and end what was forked and still runs.

    Args:
        entry: the function that a fork calls, as `module:function`; `sys.argv` is the client's.
        imported: modules that forks have imported already, and `package.*` for all in a package.
        name: of the client.
        environment: of the process that imports; ours if it is not given. A fork has its client's.
    """
    with tempfile.TemporaryDirectory(prefix="steward-") as folder:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listening.bind(f"{folder}/socket")
        listening.listen(64)
        client = Path(folder) / name
        client.write_text(_CLIENT.format(python=sys.executable, address=listening.getsockname()))
        client.chmod(0o755)
        process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(listening.fileno()), entry, *imported],
            pass_fds=[listening.fileno()],
            stdin=subprocess.PIPE,  # it ends when this does: at the latest, when we die
            env=environment,
            start_new_session=True,  # a Ctrl-C is ours to handle
        )
        listening.close()
        try:
            yield client
        finally:
            process.communicate()


# --- the process that forks -----------------------------------------------------------------------


class _Forks:
    """Forks a process for each call, until whoever started us ends."""

    def __init__(self, listening: socket.socket, imported: Sequence[str]) -> None:
        self._listening = listening
        self._imported = imported
        self._until = os.dup(0)
        self._running: dict[socket.socket, int] = {}
        """The number of each client's fork."""
        self._warm = self._forked = False
        self._selector = selectors.DefaultSelector()
        self._when_readable(self._until, self._end)
        self._when_readable(listening, self._accept)

    def serve(self) -> None:
        """Return in each fork, which is then to do its work."""
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
            said, streams, _, _ = socket.recv_fds(client, _ENOUGH, len(_STREAMS))
        if fork := self._running.get(client):
            os.kill(fork, said[0] if said else signal.SIGKILL)
        if not said:
            self._selector.unregister(client)
            if not fork:
                client.close()
        elif not fork:
            self._fork(client, ast.literal_eval(said.decode()), streams)

    def _fork(self, client: socket.socket, call: _Call, streams: Sequence[int]) -> None:
        if not self._warm:
            _import(self._imported)
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
            os.waitpid(fork, 0)
        sys.exit()


def _become(call: _Call, streams: Sequence[int]) -> None:
    """Be the process that the client would have been."""
    arguments, variables, folder, umask = call
    os.setsid()
    for stream, number in zip(streams, _STREAMS, strict=True):
        os.dup2(stream, number)
        os.close(stream)
    os.umask(umask)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv[:] = arguments


def _import(names: Sequence[str]) -> None:
    for name in names:
        module = import_module(name.removesuffix(".*"))
        if name.endswith(".*"):
            for each in pkgutil.walk_packages(module.__path__, f"{module.__name__}."):
                import_module(each.name)
    gc.freeze()  # else the first collection in a fork copies what all share


def _main(descriptor: str, entry: str, *imported: str) -> None:
    _Forks(socket.socket(fileno=int(descriptor)), imported).serve()
    module, _, function = entry.partition(":")
    getattr(import_module(module), function)()


if __name__ == "__main__":
    _main(*sys.argv[1:])
