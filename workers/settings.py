"""Settings from the environment, checked before anything starts."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, get_args
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from sqlalchemy import make_url

from activities.smtp_url import check_smtp_url
from domain.durations import parse_elapsed
from domain.field_problems import in_words
from domain.operator_files import OperatorFileError
from domain.signatures import HookSecrets
from store.database import DatabaseUrlError, checked_url
from workers.secret_files import SecretFileError, secret_of

# Most verbs of the command line read settings, and neither policy nor directory.
if TYPE_CHECKING:
    from domain.directory import Directory
    from domain.policy import Policy
    from domain.sign_in_roles import SignInRoles
    from workers.watched import Watched

DEFAULT_DATA = Path(".steward")
DEFAULT_PORT = 8080
DEFAULT_TEMPORAL_PORT = 7233

CONFIDENTIAL: Final = object()
"""Marks a setting that is no `SecretStr`, but an address that may hold a password."""

_OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_OIDC = ("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_roles")
_SHORTEST_HEARTBEAT = timedelta(minutes=1)
_LONGEST_HEARTBEAT = timedelta(hours=1)
_DEPLOYMENT = re.compile(r"[A-Za-z0-9_-]{1,100}")
_BUILD_ID = re.compile(r"[A-Za-z0-9._+-]{1,100}")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\]")


class SettingsError(ValueError):
    """The settings make no sense; the message names every one that does not, and why."""


@dataclass(frozen=True)
class Address:
    """Where the worker listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address that a text such as `127.0.0.1:9090` means.

        Raises:
            ValueError: it is none, or one that the whole internet can reach.
        """
        problem = ValueError("not an address; write it like 127.0.0.1:9090 or [::1]:9090")
        try:
            parts = urlsplit(f"//{text}")
            host, port = parts.hostname, parts.port
            found = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host or "")
        except ValueError:
            raise problem from None
        if not port or parts.path or parts.query or parts.username is not None:
            raise problem
        if not found.is_private:
            raise ValueError(
                "has to be an address of loopback or of a private network: anybody who reaches it "
                "reads the figures"
            )
        return cls(str(found), port)


class Auth(StrEnum):
    """Who says who somebody is."""

    NONE = "none"
    """The body of a command: on loopback only."""
    TOKENS = "tokens"
    """The bearer token."""


class Signals(StrEnum):
    """Which messages to workflows are believed that Steward has not sent, with `Auth.TOKENS`."""

    PROVEN = "proven"
    """Those with a proof."""
    BELIEVED = "believed"
    """All: Temporal itself asks everybody who they are."""


class LogForm(StrEnum):
    """How log lines look."""

    CONSOLE = "console"
    JSON = "json"


def _database(url: str) -> str:
    checked_url(url)
    return url


def _hosts(names: object) -> object:
    if not isinstance(names, str):
        return names
    hosts = frozenset(name.strip().casefold() for name in names.split(","))
    if wrong := sorted(name for name in hosts if not _HOST.fullmatch(name)):
        raise ValueError(f'"{wrong[0]}" is not a host name; separate names by comma, without ports')
    return hosts


def _address(text: object) -> object:
    return Address.parse(text) if isinstance(text, str) else text


def _heartbeat(text: object) -> object:
    if not isinstance(text, str):
        return text
    if text == "off":
        return None
    every = parse_elapsed(text)
    if not _SHORTEST_HEARTBEAT <= every <= _LONGEST_HEARTBEAT:
        raise ValueError("has to be from 1m to 1h, or off")
    return every


def _smtp(url: str) -> str:
    check_smtp_url(url)
    return url


def partner_address(url: str) -> str:
    """Return where a partner is, if it is an address that can be used as it is.

    Raises:
        ValueError: it is not; the message does not repeat it, since it may hold a password.
    """
    problem = ValueError("not an address; write it like https://jobs.example.com/api")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise problem from None
    is_whole = url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_whole:
        raise problem
    _port_of(parts)
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("only the address, without a user, query or fragment")
    return url


def _issuer(url: str) -> str:
    partner_address(url)
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _OWN_NAMES:
        raise ValueError("has to begin with https://")
    return url


def _deployment(name: str) -> str:
    if not _DEPLOYMENT.fullmatch(name):
        raise ValueError("use up to 100 letters, digits, - and _, such as steward")
    return name


def _build_id(name: str) -> str:
    if not _BUILD_ID.fullmatch(name):
        raise ValueError("use up to 100 letters, digits, ., +, - and _, such as 2026.11.29-1")
    return name


def _port_of(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ValueError("its port is a number up to 65535") from None


def _events_secrets(secrets: SecretStr) -> SecretStr:
    HookSecrets.parse(secrets.get_secret_value(), "secret")
    return secrets


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads each secret from the file that its variable + `_FILE` names, if one is named."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return what the file of one setting says."""
        variable = _variable(field_name)
        return secret_of(variable) if _is_secret(field) else None, variable, False

    def __call__(self) -> dict[str, Any]:
        """Return what the files say.

        Raises:
            SecretFileError: one can't be used, or its variable is set, too.
        """
        found = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """What the environment says; each field is the variable `STEWARD_` + its name.

    A secret may stand in a file instead: the variable + `_FILE` says where.
    """

    model_config = SettingsConfigDict(
        env_prefix="STEWARD_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    database_url: Annotated[str, AfterValidator(_database), CONFIDENTIAL] | None = None
    """Where the store is; the data folder's SQLite file if unset."""
    database_password: SecretStr | None = None
    """The password of the database's user, where the URL has none."""
    hook_secrets: SecretStr | None = None
    """Secrets of the hooks, by comma: the first signs, all are believed."""
    auth: Auth = Auth.NONE
    """Who says who gives a command."""
    signals: Signals = Signals.PROVEN
    """Which signals and updates count that do not come through Steward, where tokens are asked for:
    those with a proof, or all where Temporal lets in only those who may."""
    tokens: Path | None = None
    """TOML file of more bearer tokens: `[[token]]` with `sha256`, `name` and `role`."""
    hosts: Annotated[frozenset[str], NoDecode, BeforeValidator(_hosts)] = frozenset()
    """Host names by comma that are ours beside the loopback's, where no token is asked for."""
    oidc_issuer: Annotated[str, AfterValidator(_issuer)] | None = None
    """The provider of OpenID Connect whose accounts open the desk; tokens alone do if unset."""
    oidc_client_id: str | None = None
    """How it calls us."""
    oidc_client_secret: SecretStr | None = None
    """What we prove that with."""
    oidc_roles: Path | None = None
    """TOML file of the roles that the members of its groups have."""
    smtp_url: Annotated[str, AfterValidator(_smtp), CONFIDENTIAL] | None = None
    """Where mail goes; the embedded stack has a sink of its own."""
    job_system_url: Annotated[str, AfterValidator(partner_address)] | None = None
    """Where the job system is, which is asked and told; our own copy of the jobs is it if unset."""
    job_system_token: SecretStr | None = None
    """The bearer token that the job system knows us by."""
    job_system_adapter: str | None = None
    """Name of an entry point in `steward.job_systems`: an adapter of the operator's own."""
    events_url: Annotated[str, AfterValidator(partner_address)] | None = None
    """Where Steward's own events are sent; nowhere if unset."""
    events_secrets: Annotated[SecretStr, AfterValidator(_events_secrets)] | None = None
    """Secrets that sign them, `whsec_…` by comma: each of them signs."""
    temporal_ui_url: Annotated[str, AfterValidator(partner_address)] | None = None
    """Where people find Temporal UI, which a job's page links to; `steward up` has its own."""
    keys: Path | None = None
    """File of the key ring under which all that Temporal has is encrypted; a file beside the store,
    made at the first run, if unset."""
    policy: Path | None = None
    """TOML file of the policy; the built-in one if unset."""
    directory: Path | None = None
    """TOML file of Area Managers and SPoC specialists; nobody is known if unset."""
    requests_per_minute: Annotated[int, Field(ge=60)] = 3000
    """Requests that one token, or one person's session, may send in a minute; hooks don't count."""
    hooks_per_minute: Annotated[int, Field(ge=1)] = 6000
    """Events that one sender is expected to send in a minute; more are taken, and counted."""
    deployment: Annotated[str, AfterValidator(_deployment)] | None = None
    """Name of the Worker Deployment that our workers belong to; unversioned if unset."""
    build_id: Annotated[str, AfterValidator(_build_id)] | None = None
    """Build id of this release's workers: with the deployment it names their version."""
    log: LogForm = LogForm.CONSOLE
    worker_listen: Annotated[Address, NoDecode, BeforeValidator(_address)] | None = None
    """Where the worker shows its health and its figures; nowhere if unset."""
    heartbeat: Annotated[timedelta | None, NoDecode, BeforeValidator(_heartbeat)] = timedelta(
        minutes=5
    )
    """How often the API sends a test job all the way; None for never."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from: what there was, and the files of secrets."""
        known = (init_settings, env_settings, dotenv_settings, file_secret_settings)
        return *known, _SecretFiles(settings_cls)

    @property
    def asks_for_proofs(self) -> bool:
        """Whether messages to workflows count only if Steward has sent them, or with a proof."""
        return self.auth is Auth.TOKENS and self.signals is Signals.PROVEN

    def database_in(self, data: Path) -> str:
        """Return the URL of the store, its password in it; a data folder has an SQLite file."""
        if self.database_url is None:
            return f"sqlite:///{data.absolute() / 'steward.sqlite3'}"
        if self.database_password is None:
            return self.database_url
        return _with_password(self.database_url, self.database_password.get_secret_value())

    def load_policy(self) -> Policy:
        """Return the policy that new jobs follow.

        Raises:
            SettingsError: the file is not there, or not a policy; file, line, key and reason.
        """
        from domain.policy import load_policy  # noqa: PLC0415  as above

        try:
            return load_policy(self.policy)
        except OperatorFileError as error:
            raise SettingsError(f"STEWARD_POLICY: {error}") from error

    def load_directory(self) -> Directory:
        """Return who answers for which providers.

        Raises:
            SettingsError: the file is not there, or not a directory; file, line, key and reason.
        """
        from domain.directory import load_directory  # noqa: PLC0415  as above

        try:
            return load_directory(self.directory)
        except OperatorFileError as error:
            raise SettingsError(f"STEWARD_DIRECTORY: {error}") from error

    def watched_policy(self) -> Watched[Policy]:
        """Return what tells the policy that jobs follow which start now.

        Raises:
            SettingsError: as `load_policy` does.
        """
        from domain.policy import load_policy  # noqa: PLC0415  as above
        from workers.watched import Watched  # noqa: PLC0415  as above

        self.load_policy()
        return Watched("STEWARD_POLICY", self.policy, load_policy, names_nobody=True)

    def watched_directory(self) -> Watched[Directory]:
        """Return what tells who answers for which providers now.

        Raises:
            SettingsError: as `load_directory` does.
        """
        from domain.directory import load_directory  # noqa: PLC0415  as above
        from workers.watched import Watched  # noqa: PLC0415  as above

        self.load_directory()
        return Watched("STEWARD_DIRECTORY", self.directory, load_directory)

    def watched_sign_in_roles(self) -> Watched[SignInRoles] | None:
        """Return what tells the roles of the company's accounts now, None if none open the desk.

        Raises:
            SettingsError: the file is not there, or not such a file; file, line, key and reason.
        """
        if (path := self.oidc_roles) is None:
            return None
        from domain.sign_in_roles import load_sign_in_roles  # noqa: PLC0415  as above
        from workers.watched import Watched  # noqa: PLC0415  as above

        try:
            return Watched("STEWARD_OIDC_ROLES", path, lambda _: load_sign_in_roles(path))
        except OperatorFileError as error:
            raise SettingsError(f"STEWARD_OIDC_ROLES: {error}") from error

    def checked_together(self) -> Self:
        """Return the settings if those are set that go together.

        Raises:
            SettingsError: one of them is missing.
        """
        pairs = [("events_url", "events_secrets"), ("deployment", "build_id")]
        if self.job_system_adapter is None:  # an adapter knows itself what it needs
            pairs.append(("job_system_url", "job_system_token"))
        for first, second in pairs:
            for given, missing in ((first, second), (second, first)):
                if getattr(self, given) is not None and getattr(self, missing) is None:
                    raise SettingsError(
                        f"STEWARD_{missing.upper()}: not set, but STEWARD_{given.upper()} needs it"
                    )
        self._check_oidc()
        self._check_database()
        return self

    def _check_database(self) -> None:
        if self.database_password is None:
            return
        if self.database_url is None:
            raise SettingsError(
                "STEWARD_DATABASE_URL: not set, but STEWARD_DATABASE_PASSWORD needs it"
            )
        url = make_url(self.database_url)
        if url.password is not None or url.get_backend_name() == "sqlite":
            raise SettingsError(
                "STEWARD_DATABASE_PASSWORD: set, but STEWARD_DATABASE_URL has a password already, "
                "or is SQLite's. Unset it"
            )

    def _check_oidc(self) -> None:
        given = [name for name in _OIDC if getattr(self, name) is not None]
        if given and (missing := [name for name in _OIDC if name not in given]):
            variables = ", ".join(f"STEWARD_{name.upper()}" for name in missing)
            raise SettingsError(f"{variables}: not set, but STEWARD_{given[0].upper()} needs it")
        if given and self.auth is not Auth.TOKENS:
            raise SettingsError(
                f"STEWARD_{given[0].upper()}: set, but STEWARD_AUTH=none lets everybody in. Set "
                "STEWARD_AUTH=tokens"
            )

    def require(self, *names: str) -> Self:
        """Return the settings if these are set.

        Raises:
            SettingsError: one is not.
        """
        missing = [name for name in names if getattr(self, name) is None]
        if missing:
            variables = ", ".join(f"STEWARD_{name.upper()}" for name in missing)
            raise SettingsError(f"{variables}: not set, but required here")
        return self


def secret_variables() -> frozenset[str]:
    """Return the variables that may be a secret: each may stand in a file instead."""
    return frozenset(
        _variable(n) for n, field in Settings.model_fields.items() if _is_secret(field)
    )


def _variable(name: str) -> str:
    return f"STEWARD_{name.upper()}"


def _is_secret(field: FieldInfo) -> bool:
    return CONFIDENTIAL in field.metadata or _is_confidential(field.annotation)


def _is_confidential(annotation: object) -> bool:
    """Return whether a type is of secrets, whatever it is wrapped in."""
    is_secret = annotation is SecretStr or annotation is CONFIDENTIAL
    return is_secret or any(map(_is_confidential, get_args(annotation)))


def load_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        SettingsError: a variable makes no sense.
    """
    try:
        return Settings().checked_together()
    except SecretFileError as error:
        raise SettingsError(str(error)) from error
    except ValidationError as error:
        raise SettingsError(
            "\n".join(
                f"STEWARD_{str(problem['loc'][0]).upper()}: {in_words(problem)}"
                for problem in error.errors(include_input=False, include_url=False)
            )
        ) from error


def configured_database() -> str | None:
    """Return STEWARD_DATABASE_URL alone, from the environment or its file, whatever else is set.

    Raises:
        SettingsError: it is no URL of a database, or its file can't be read.
    """
    url = _secret("STEWARD_DATABASE_URL")
    if url is None:
        return None
    try:
        checked_url(url)
    except DatabaseUrlError as error:
        raise SettingsError(f"STEWARD_DATABASE_URL: {error}") from error
    return url


def with_database_password(url: str) -> str:
    """Return a URL with STEWARD_DATABASE_PASSWORD in it, if it is PostgreSQL's and has none.

    Raises:
        DatabaseUrlError: the URL is none of a database.
        SettingsError: the file of the password can't be read.
    """
    at = checked_url(url)
    if at.get_backend_name() == "sqlite" or at.password is not None:
        return url
    password = _secret("STEWARD_DATABASE_PASSWORD")
    return url if password is None else _with_password(url, password)


def _with_password(url: str, password: str) -> str:
    return make_url(url).set(password=password).render_as_string(hide_password=False)


def _secret(variable: str) -> str | None:
    try:
        return secret_of(variable)
    except SecretFileError as error:
        raise SettingsError(str(error)) from error


def must_be_loopback(host: str, auth: Auth) -> None:
    """Return if it is safe to listen on a host: without tokens only this machine may come in.

    Raises:
        SettingsError: it is not.
    """
    if auth is Auth.TOKENS or host == "localhost":
        return
    try:
        if ipaddress.ip_address(host).is_loopback:
            return
    except ValueError as error:
        raise SettingsError(f"--host {host}: this machine has no such address ({error})") from error
    raise SettingsError(
        f"--host {host}: STEWARD_AUTH=none trusts everybody, so it only works on loopback. Set "
        "STEWARD_AUTH=tokens, or use --host 127.0.0.1"
    )
