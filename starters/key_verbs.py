"""`steward keys`: the key ring, under which all that Temporal has is encrypted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starters.failures import Failure
from starters.on_the_database import DataOption, on_the_database
from starters.options import DEFAULT_DATA, AsJson, examples

if TYPE_CHECKING:
    from datetime import datetime

    from store.data_keys import DataKeys
    from store.database import Database
    from store.key_ring import KeyRing
    from store.ring_keys import RingKeyUse
    from store.switches import Setting

_IF_NONE = "so nothing is encrypted. Name another folder with --data"


keys = typer.Typer(
    help="The key ring, under which all that Temporal has is encrypted.",
    epilog=examples("keys list", "keys rotate", "keys new"),
    no_args_is_help=True,
    rich_markup_mode=None,
)


@keys.command("new", epilog=examples("keys new", "keys new --json"))
def new(*, as_json: AsJson = False) -> None:
    """Print a new key as a line for the key file. It changes nothing."""
    from starters.rendering import print_json
    from store.key_ring import new_ring_key

    key = new_ring_key()
    if as_json:
        print_json({"id": key.id, "line": key.line()})
    else:
        typer.echo(key.line())


@keys.command("list", epilog=examples("keys list", "keys list --data desk", "keys list --json"))
def list_keys(data: DataOption = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the keys by their IDs: which one is in use, and for how many jobs."""
    from starters.company_time import company_time
    from starters.rendering import print_json, print_text
    from workers.key_rings import others_can_read

    async def read(
        database: Database,
    ) -> tuple[Path, KeyRing, list[RingKeyUse], Setting | None]:
        from store.ring_keys import RingKeys
        from store.switches import Switch, Switches

        path, ring = _ring_of(data, database)
        known = await RingKeys(database).uses()
        return path, ring, known, await Switches(database).setting(Switch.PAYLOADS)

    path, ring, known, setting = on_the_database(data, read, _IF_NONE)
    is_on = setting is not None and setting.is_on
    items = _items(ring, known)
    if as_json:
        shown = [
            {**each, "known_since": since and since.isoformat()}
            for each in items
            for since in [each["known_since"]]
        ]
        others = others_can_read(path)
        print_json(
            {"file": str(path), "others_can_read": others, "encrypts": is_on, "items": shown}
        )
        return
    print_text(f"Key file: {path}")
    if others_can_read(path):
        print_text(f"Every user of this machine can read it. Change that: chmod o-rwx {path}")
    for each in items:
        use = "encrypts" if each["is_first"] else "decrypts only"
        if each["is_another"]:
            use = "another key than the database's of this ID: put the right one back"
        elif not each["in_file"]:
            use = "missing from the file" if each["jobs"] else "removed from the file"
        since = each["known_since"]
        print_text(
            f"{each['id']}  {use}; {each['jobs']} data keys"
            + (f"; in use since {company_time(since)}" if since else "; not used yet")
        )
    if not is_on:
        print_text("Payloads are not encrypted yet. Turn encryption on: steward keys start")


@keys.command(
    "rotate", epilog=examples("keys rotate", "keys rotate --only-wrap", "keys rotate --json")
)
def rotate(
    data: DataOption = DEFAULT_DATA,
    *,
    only_wrap: Annotated[
        bool,
        typer.Option("--only-wrap", help="Add no key: the first of the file is new already."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add a key to the ring and encrypt each job's own key with it. Jobs keep running.

    If an earlier rotation didn't finish, this one finishes it and adds no key.
    """
    from starters.rendering import print_json, print_text

    def progress(done: int, of: int) -> None:
        if not as_json:
            print_text(f"{done} of {of} data keys are encrypted with the new key …")

    async def work(database: Database) -> tuple[str, str | None, int]:
        path, _ = _ring_of(data, database)
        opened = await _data_keys(data, database)
        unfinished = await opened.to_wrap()
        added = None if only_wrap or unfinished else _add_key(path)
        if added is not None:
            opened = await _data_keys(data, database)  # from here on the store knows it
        wrapped = await _wrap_all(opened, progress)
        return _ring_of(data, database)[1].first.id, added, wrapped

    first, added, wrapped = on_the_database(data, work, _IF_NONE)
    if as_json:
        print_json({"first": first, "added": added, "wrapped": wrapped})
        return
    made = f"Key {added} was added. " if added else ""
    print_text(
        f"{made}All data keys are encrypted with key {first}; {wrapped} were changed.",
        "Keep the older keys in the file for as long as you keep backups made before now.",
    )


@keys.command("start", epilog=examples("keys start", "keys start --data desk --json"))
def start(data: DataOption = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Turn encryption on in a database of an earlier release, once all processes are upgraded.

    A process of the earlier release can't read what is encrypted: stop all of them first.
    """
    from datetime import UTC, datetime

    from starters.rendering import print_json, print_text

    now = datetime.now(UTC)

    async def work(database: Database) -> tuple[bool, datetime]:
        from store.switches import Switch, Switches

        await _data_keys(data, database)
        switches = Switches(database)
        before = await switches.setting(Switch.PAYLOADS)
        if before is not None and before.is_on:
            return False, before.since
        await switches.turn(Switch.PAYLOADS, now, is_on=True)
        return True, now

    was_off, since = on_the_database(data, work, _IF_NONE)
    if as_json:
        print_json({"encrypts": True, "since": since.isoformat(), "changed": was_off})
    elif was_off:
        print_text(
            "Encryption is on. Every process encrypts what it sends to Temporal within 5 seconds.",
            "What Temporal already has stays as it is. A process of the earlier release fails now.",
        )
    else:
        print_text("Encryption is already on. Nothing was changed.")


# --- the ring ---------------------------------------------------------------------------------


def _ring_of(data: Path, database: Database) -> tuple[Path, KeyRing]:
    """Return the file of a store's key ring, and the ring.

    Raises:
        Failure: it can't be read.
    """
    from domain.operator_files import OperatorFileError
    from workers.key_rings import keys_file, load_ring
    from workers.settings import load_settings

    path = keys_file(load_settings(), data, database)
    try:
        return path, load_ring(path)
    except OperatorFileError as error:
        raise Failure(f"STEWARD_KEYS: {error}") from error


async def _data_keys(data: Path, database: Database) -> DataKeys:
    from workers.key_rings import data_keys_of
    from workers.settings import load_settings

    return await data_keys_of(load_settings(), data, database)


def _add_key(path: Path) -> str:
    """Add a key to the file and return its id.

    Raises:
        Failure: the file can't be written.
    """
    from store.key_ring import new_ring_key
    from workers.key_rings import add_key

    key = new_ring_key()
    try:
        add_key(path, key)
    except OSError as error:
        raise Failure(
            f"{path}: can't write the key file ({error.strerror}). Put a line of `steward keys "
            "new` at its head, for all processes; then run `steward keys rotate --only-wrap`"
        ) from error
    return key.id


async def _wrap_all(opened: DataKeys, progress: Callable[[int, int], None]) -> int:
    """Wrap all data keys under the ring's first key, and return how many were under another."""
    of, done, after = await opened.to_wrap(), 0, ""
    while of:
        some, go_on = await opened.wrap_anew(after)
        done += some
        if go_on is None:
            break
        progress(done, of)
        after = go_on
    return done


def _items(ring: KeyRing, known: list[RingKeyUse]) -> list[dict[str, Any]]:
    """Return the keys of the file in its order, then those that the store alone knows."""
    uses = {each.id: each for each in known}
    in_file = {key.id: key for key in ring.keys}
    ids = list(in_file)
    items = []
    for key_id in [*ids, *(each for each in uses if each not in ids)]:
        use, key = uses.get(key_id), in_file.get(key_id)
        items.append(
            {
                "id": key_id,
                "is_first": key_id == ring.first.id,
                "in_file": key is not None,
                "is_another": bool(use and key and use.check not in {None, key.check}),
                "known_since": use.known_since if use else None,
                "jobs": use.jobs if use else 0,
            }
        )
    return items
