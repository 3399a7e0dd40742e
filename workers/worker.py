"""The worker: carries out lifecycles and their effects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from importlib.metadata import version as version_of_package

import structlog
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Interceptor, Worker, WorkerDeploymentConfig, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.asking import Asking
from activities.digests import Digests
from activities.effects import Effects, all_activities
from activities.heartbeats import HeartbeatRecorder
from activities.job_system import JobSystem, OwnCopy
from activities.mails import Mails
from activities.postman import Postman, SmtpPostman
from activities.proofs import Proofs
from activities.reconciling import Reconciling
from domain.directory import Directory
from domain.faults import in_brief
from store.asking import Asked
from store.database import Database, StoreUnavailableError
from store.heartbeats import Heartbeats
from store.journal import Journal
from store.ledger import Ledger
from store.mail_queue import MailQueue
from store.proofs import UsedProofs
from store.reading import Reading
from store.stopped_workers import StoppedWorkers
from workers.correlation import Correlating
from workers.figures import Figures
from workers.listening import Listener, WorkerHealth, listening
from workers.measuring import MeasuredPostman, MeasuringInterceptor
from workers.policy_warnings import log_policy_warnings
from workers.process import Process, stop_on_signals
from workers.proofs import AskingForProofs
from workers.reconciling import reconciler_of
from workers.refusals import RefusalRecorder
from workers.runner import ContextFreeRunner
from workers.schedules import ensure_schedules
from workers.sealing import keys_of, warn_if_plain
from workers.settings import DEFAULT_DATA, Address, Settings, load_settings
from workers.spans import NO_SPANS, Spans
from workers.store_client import client_of_store
from workers.telemetry import configure_logging, core_listener
from workflows.registry import ALL_WORKFLOWS, TASK_KINDS, TASK_QUEUE

log = structlog.get_logger()

_SHARED = (
    "domain",
    "workflows.alarm",
    "workflows.command_desk",
    "workflows.effects",
    "workflows.engine",
    "workflows.episode",
    "workflows.keeping",
    "workflows.lifecycle",
    "workflows.mailbox",
    "workflows.mails",
    "workflows.messages",
    "workflows.moves",
    "workflows.prover",
    "workflows.publisher",
    "workflows.runtime",
    "workflows.search_attributes",
    "workflows.temporal",
    "workflows.waiting",
    "opentelemetry",
    "pydantic",
    "pydantic_core",
    "structlog",
)
PASSED_THROUGH = (*_SHARED, "workflows")
"""Modules that the sandbox takes as they are: re-importing them costs more than all else together.

The stories are among them: made anew for each workflow, a story costs five times what an empty one
does. That they touch nothing they must not is found where it costs nobody time: tests run every
story under guard.
"""


_PATIENCE = timedelta(minutes=1)
_GRACE = timedelta(seconds=5)


def sandbox(*, guards_stories: bool = False) -> SandboxedWorkflowRunner:
    """Return the runner of workflow code.

    Args:
        guards_stories: make each story anew inside the sandbox, which then refuses it whatever
            could differ when it is replayed: the clock, files, chance.
    """
    passed_through = _SHARED if guards_stories else PASSED_THROUGH
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*passed_through)
    )


def runner(*, guards_stories: bool = False) -> WorkflowRunner:
    """Return what carries workflows out, in the worker and when a history is replayed."""
    return ContextFreeRunner(sandbox(guards_stories=guards_stories))


_TASK_SECONDS = 8
"""Seconds that workflow code may take for a task: the server tries it elsewhere after ten."""


class _MailingWorker(Worker):
    """A worker that knows of each mail whether it was sent before it is gone."""

    mails: Mails

    async def __aexit__(self, exc_type: type[BaseException] | None, *args: object) -> None:
        """Stop, and bring the mails to an end that are being handed over."""
        try:
            await super().__aexit__(exc_type, *args)
        finally:
            await self.mails.finish()


def make_worker(
    client: Client,
    database: Database,
    postman: Postman,
    *,
    directory: Directory | Callable[[], Directory] | None = None,
    job_system: JobSystem | None = None,
    task_queue: str = TASK_QUEUE,
    max_cached_workflows: int = 1000,
    guards_stories: bool = False,
    figures: Figures | None = None,
    spans: Spans = NO_SPANS,
    version: WorkerDeploymentVersion | None = None,
) -> Worker:
    """Return a worker with all lifecycles and activities, not yet running; see `sandbox`.

    Args:
        client: the way to Temporal.
        database: the store.
        postman: brings mails to the mail server.
        directory: who answers for which providers.
        job_system: where the jobs are; our own copy if it is not said.
        task_queue: where it finds its work.
        max_cached_workflows: how many workflows it keeps in memory.
        guards_stories: see `sandbox`.
        figures: what measures its work, None if nobody wants to know.
        spans: keeps what brings mails in traces; the client keeps the rest.
        version: of its deployment; it takes work once that is the current one. None: it takes work
            wherever no version is current.
    """
    measuring: list[Interceptor] = []
    recorder = RefusalRecorder(Journal(database))
    if figures is not None:
        measuring = [MeasuringInterceptor(figures)]
        recorder = RefusalRecorder(Journal(database), count=figures.refused)
        postman = MeasuredPostman(postman, figures, spans)
    mail_queue, known = MailQueue(database), directory or Directory()
    mails = Mails(mail_queue, postman)
    asking = Asking(Asked(database, TASK_KINDS), job_system or OwnCopy())
    effects = Effects(Ledger(database, TASK_KINDS), mails, known, asking)
    digests = Digests(Reading(database), mail_queue, mails, known)
    reconciler = reconciler_of(database, job_system or OwnCopy(), known)
    proofs = _proofs(client, database)
    worker = _MailingWorker(
        client,
        task_queue=task_queue,
        workflows=ALL_WORKFLOWS,
        activities=[
            *all_activities(effects, mails),
            digests.send_specialists_digest,
            Reconciling(reconciler).reconcile,
            HeartbeatRecorder(Heartbeats(database)).record_heartbeat,
            *([proofs.check_proofs] if proofs else []),
        ],
        workflow_runner=runner(guards_stories=guards_stories),
        interceptors=[
            recorder,
            Correlating(),
            *([AskingForProofs()] if proofs else []),
            *measuring,
        ],
        max_cached_workflows=max_cached_workflows,
        graceful_shutdown_timeout=_GRACE,
        # Without it the SDK makes one of the code of all modules: a sixth of what a start takes.
        build_id=build_id() if version is None else None,
        deployment_config=None if version is None else _deployment(version),
    )
    worker.mails = mails
    _give_time_to_long_tasks(worker)
    return worker


def build_id() -> str:
    """Return what the workflow tasks of a worker without a version are marked with."""
    return f"steward-{version_of_package('steward')}"


def _deployment(version: WorkerDeploymentVersion) -> WorkerDeploymentConfig:
    """Return how a versioned worker takes part in its deployment; docs/adr/0018 says why so."""
    return WorkerDeploymentConfig(
        version=version,
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def _proofs(client: Client, database: Database) -> Proofs | None:
    """Return what checks messages; None without keys, where nobody's messages can be told apart."""
    keys = keys_of(client)
    return Proofs(UsedProofs(database), keys.ring) if keys is not None else None


def _give_time_to_long_tasks(worker: Worker) -> None:
    """Let a workflow task take nearly as long as the server allows it.

    After two seconds the SDK takes a workflow for deadlocked, although a job that thousands of
    signals were sent to is only busy, all the more on a machine that is. It tries the same task
    again and again then, and the job is jammed for as long as the machine is busy.
    """
    tasks = worker._workflow_worker  # noqa: SLF001  the SDK has no option for it
    if tasks is None or not hasattr(tasks, "_deadlock_timeout_seconds"):
        raise RuntimeError("this release of the SDK keeps the time of a workflow task elsewhere")
    tasks._deadlock_timeout_seconds = _TASK_SECONDS  # noqa: SLF001


def _listening(listener: Listener, address: Address | None) -> AbstractAsyncContextManager[None]:
    return nullcontext() if address is None else listening(listener, address)


@asynccontextmanager
async def stops_known(stopped: StoppedWorkers, identity: str) -> AsyncIterator[None]:
    """Have the store know that a worker runs, and after the context that it has stopped.

    Args:
        stopped: the store's.
        identity: what the worker calls itself in Temporal: in a container, as the one before it.

    Raises:
        StoreUnavailableError: the database does not answer as the worker starts.
    """
    await stopped.remove(identity)
    try:
        yield
    finally:
        try:
            await stopped.add(identity, datetime.now(UTC))
        except StoreUnavailableError as error:
            log.warning("the store does not know that this worker stops", reason=in_brief(error))


def version_of(settings: Settings) -> WorkerDeploymentVersion | None:
    """Return the version of the workers that the settings name, None if they name none."""
    if settings.deployment is None or settings.build_id is None:
        return None
    return WorkerDeploymentVersion(settings.deployment, settings.build_id)


def worker_of(
    process: Process,
    client: Client,
    smtp_url: str,
    version: WorkerDeploymentVersion | None = None,
) -> Worker:
    """Return the worker of a process, not yet running.

    Args:
        process: what it works with.
        client: the way to Temporal.
        smtp_url: of the mail server.
        version: see `make_worker`.
    """
    return make_worker(
        client,
        process.database,
        SmtpPostman(smtp_url, process.policy().mail.sender),
        directory=process.directory,
        job_system=process.job_system,
        figures=process.figures,
        spans=process.spans,
        version=version,
    )


async def main() -> None:
    """Run a worker alone until it is told to stop.

    Raises:
        SettingsError: a setting makes no sense or is missing.
        StoreUnavailableError: the database does not answer, or its schema is another release's.
        TemporalUnreachableError: Temporal does not answer, or lacks our search attributes.
        WrongNamespaceError: the namespace is missing, or it is not the database's.
    """
    settings = load_settings().require("smtp_url")
    configure_logging(settings.log, measures_core=settings.worker_listen is not None)
    async with Process(settings, DEFAULT_DATA, "steward-worker") as process:
        policy = process.policy()
        log_policy_warnings(policy)
        found = await client_of_store(settings, process.data, process.database, _PATIENCE)
        client = process.spans.on(found)
        await warn_if_plain(client)
        await ensure_schedules(client, policy, has_job_system=process.job_system.is_elsewhere)
        version = version_of(settings)
        worker = worker_of(process, client, settings.smtp_url or "", version)
        health = WorkerHealth(process.database, client, TASK_QUEUE)
        listener = Listener(health, process.figures, core_listener())
        stop = stop_on_signals()
        async with (
            stops_known(StoppedWorkers(process.database), client.identity),
            worker,
            process.figures.watching_loop(),
            _listening(listener, settings.worker_listen),
        ):
            log.info(
                "worker runs",
                namespace=client.namespace,
                task_queue=TASK_QUEUE,
                version=version.to_canonical_string() if version else None,
            )
            await stop.wait()
    log.info("worker stopped")
