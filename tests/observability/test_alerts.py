"""Each alert fires when it should, and stays silent otherwise: promtool says so."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.observability.metrics import metrics_in

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    for rule in group["rules"]
}
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text("utf-8")

UP = {'up{job="steward-api"}': "1x60", 'up{job="steward-worker"}': "1x60"}
LAG = 'steward_event_loop_lag_seconds_bucket{job="steward-api",instance="a",le="%s"}'
BUSY = 'temporal_workflow_task_schedule_to_start_latency_seconds_bucket{le="%s"}'


class Case(NamedTuple):
    """Series, minute by minute: what has an alert fire, and what comes close to it."""

    fires: dict[str, str]
    silent: dict[str, str]
    also_fires: tuple[dict[str, str], ...] = ()
    also_silent: tuple[dict[str, str], ...] = ()
    at: str = "55m"


def histogram(series: str, *bounds: tuple[str, int]) -> dict[str, str]:
    """A histogram that grows by so much a minute up to each bound."""
    return {series % bound: f"0+{growth}x60" for bound, growth in bounds}


CASES: dict[str, Case] = {
    "StewardApiDown": Case({'up{job="steward-api"}': "0x60"}, UP),
    "StewardWorkerDown": Case({'up{job="steward-api"}': "1x60"}, UP),
    "StewardNoWorkerPolls": Case(
        {"steward_workers_polling": "0x60"},
        {
            'steward_workers_polling{instance="a"}': "0x60",
            'steward_workers_polling{instance="b"}': "1x60",
        },
    ),
    "StewardHeartbeatMissing": Case(
        {
            "steward_heartbeat_succeeded_timestamp_seconds": "0x60",
            "steward_heartbeat_interval_seconds": "300x60",
        },
        {
            "steward_heartbeat_succeeded_timestamp_seconds": "0+60x60",
            "steward_heartbeat_interval_seconds": "300x60",
        },
    ),
    "StewardHeartbeatSlow": Case(
        {"steward_heartbeat_seconds": "45x60"}, {"steward_heartbeat_seconds": "1.2x60"}
    ),
    "StewardOverduePromises": Case(
        {"steward_overdue_promises": "1x60"},
        {"steward_overdue_promises": "0x4 1x3 0x52"},  # a deadline that is being met
    ),
    "StewardHooksRefused": Case(
        {'steward_hooks_total{outcome="refused"}': "0+3x60"},
        {
            'steward_hooks_total{outcome="refused"}': "0 1 2 2x58",
            'steward_hooks_total{outcome="delivered"}': "0+90x60",
        },
    ),
    "StewardDeadLetters": Case(
        {'steward_inbox_events{state="dead"}': "3x45 4x15"},
        {
            'steward_inbox_events{state="dead"}': "3x60",
            'steward_inbox_events{state="done"}': "0+9x60",
        },
        also_fires=(
            {'steward_inbox_events{state="dead"}': "_x40 1x80"},  # begins with the first
            {  # an API is replaced while it happens
                'steward_inbox_events{state="dead",instance="a"}': "3x35 stale",
                'steward_inbox_events{state="dead",instance="b"}': "_x38 4x40",
            },
        ),
        also_silent=(
            {  # an API is replaced, and Prometheus stood still for a while
                'steward_inbox_events{state="dead",instance="a"}': "3x15 _x10 3x10 stale",
                'steward_inbox_events{state="dead",instance="b"}': "_x38 3x40",
            },
        ),
    ),
    "StewardSenderOverQuota": Case(
        {'steward_hooks_over_quota_total{sender="1",instance="a"}': "0+20x60"},
        {  # a burst, and a sender that was over it before
            'steward_hooks_over_quota_total{sender="0"}': "0x35 40 40x20",
            'steward_hooks_over_quota_total{sender="1"}': "900x60",
        },
    ),
    "StewardEventsWaiting": Case(
        {'steward_inbox_events{state="pending"}': "500x60"},
        {'steward_inbox_events{state="pending"}': "500x5 40x55"},
    ),
    "StewardEventsFaulty": Case(
        {'steward_inbox_events{state="faulty"}': "1x60"},
        {'steward_inbox_events{state="pending"}': "1x60"},
    ),
    "StewardPartnerSilent": Case(
        {'steward_circuit_open{destination="events"}': "1x60"},
        {'steward_circuit_open{destination="events"}': "0x4 1x8 0x47"},
    ),
    "StewardOutboxOld": Case(
        {'steward_outbox_oldest_seconds{destination="job_system"}': "0+60x60"},
        {'steward_outbox_oldest_seconds{destination="job_system"}': "30x60"},
    ),
    "StewardOutboxRefused": Case(
        {'steward_outbox{destination="job_system",state="refused"}': "2x60"},
        {'steward_outbox{destination="job_system",state="pending"}': "2x60"},
    ),
    "StewardReconciliationStopped": Case(
        {
            "steward_reconciliation_succeeded_timestamp_seconds": "-900x60",
            "steward_reconciliation_interval_seconds": "900x60",
        },
        {
            "steward_reconciliation_succeeded_timestamp_seconds": "0x60",
            "steward_reconciliation_interval_seconds": "900x60",
        },
        also_silent=(
            {  # the policy has it read every two hours
                "steward_reconciliation_succeeded_timestamp_seconds": "-900x60",
                "steward_reconciliation_interval_seconds": "7200x60",
            },
        ),
    ),
    "StewardMailWaiting": Case(
        {'steward_failing_mails{state="queued"}': "4x60"},
        {'steward_failing_mails{state="queued"}': "4x20 0x40"},
    ),
    "StewardMailUndelivered": Case(
        {'steward_failing_mails{state="bounced"}': "0+1x120"},
        {'steward_failing_mails{state="bounced"}': "40x90 41x30"},
        also_fires=(
            {'steward_failing_mails{state="bounced"}': "_x80 8x60"},
            {
                'steward_failing_mails{state="bounced"}': "40x120",
                'steward_failing_mails{state="uncertain"}': "_x80 8x60",
            },
        ),
        also_silent=({'steward_failing_mails{state="uncertain"}': "_x80 2x60"},),
        at="115m",
    ),
    "StewardLifecyclesLost": Case(
        {"steward_lost_lifecycles": "1x60"}, {"steward_lost_lifecycles": "0x60"}
    ),
    "StewardAuditStopped": Case(
        {"steward_audit_last_run_timestamp_seconds": "0x60"},
        {"steward_audit_last_run_timestamp_seconds": "0+60x60"},
    ),
    "StewardBackgroundFails": Case(
        {'steward_background_failures_total{task="audit"}': "0+12x60"},
        {'steward_background_failures_total{task="audit"}': "0x30 5x30"},
    ),
    "StewardWorkflowTasksFail": Case(
        {'temporal_workflow_task_execution_failed_total{workflow_type="A"}': "0+2x60"},
        {'temporal_workflow_task_execution_failed_total{workflow_type="A"}': "0x30 1x30"},
    ),
    "StewardActivitiesFail": Case(
        {
            'steward_activity_attempts_total{activity="a",outcome="failed"}': "0+9x60",
            'steward_activity_attempts_total{activity="a",outcome="done"}': "0+1x60",
        },
        {
            'steward_activity_attempts_total{activity="a",outcome="failed"}': "0+1x60",
            'steward_activity_attempts_total{activity="a",outcome="done"}': "0+9x60",
        },
        also_silent=(
            {  # the mail server is down: that is a ticket
                'steward_activity_attempts_total{activity="send_email_again",outcome="failed"}': (
                    "0+9x60"
                ),
            },
            {'steward_activity_attempts_total{activity="a",outcome="failed"}': "0x44 1 2x15"},
        ),
    ),
    "StewardWorkersBusy": Case(
        histogram(BUSY, ("1", 1), ("10", 60), ("+Inf", 60)),
        histogram(BUSY, ("1", 60), ("10", 60), ("+Inf", 60)),
    ),
    "StewardCommandsFail": Case(
        {
            'steward_commands_total{status="503"}': "0+2x60",
            'steward_commands_total{status="200"}': "0+8x60",
        },
        {
            'steward_commands_total{status="409"}': "0+9x60",
            'steward_commands_total{status="200"}': "0+1x60",
        },
        also_fires=(
            {
                'steward_commands_total{status="500"}': "0x46 6x20",
                'steward_commands_total{status="200"}': "0x60",
            },
        ),
        also_silent=(
            {  # one at night, when nobody else gives commands
                'steward_commands_total{status="503"}': "0x46 1x20",
                'steward_commands_total{status="200"}': "9x60",
            },
        ),
    ),
    "StewardEventLoopLate": Case(
        histogram(LAG, ("0.5", 10), ("1.0", 120), ("+Inf", 120)),
        histogram(LAG, ("0.5", 119), ("1.0", 120), ("+Inf", 120)),
    ),
}


def both_ways(name: str, case: Case) -> list[dict[str, Any]]:
    """Promtool's tests of one alert: it is looked for when its case says."""
    wanted = f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)'
    return [
        {
            "name": f"{name} {'fires' if count else 'stays silent'}",
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [
                {
                    "expr": wanted,
                    "eval_time": case.at,
                    "exp_samples": [{"labels": "{}", "value": count}],
                }
            ],
        }
        for count, all_series in (
            (1, (case.fires, *case.also_fires)),
            (0, (case.silent, *case.also_silent)),
        )
        for series in all_series
    ]


def test_each_alert_fires_when_it_should_and_stays_silent_otherwise(tmp_path: Path) -> None:
    assert CASES.keys() == ALERTS.keys()
    promtool = shutil.which("promtool")
    assert promtool, "put promtool into the environment: scripts/promtool.sh"
    tests = [test for name, case in CASES.items() for test in both_ways(name, case)]
    file = tmp_path / "alerts.test.yaml"
    told = {"rule_files": [str(RULES)], "evaluation_interval": "5m", "tests": tests}
    file.write_text(yaml.safe_dump(told, sort_keys=False), "utf-8")
    ran = subprocess.run(
        [promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout


def test_each_alert_has_its_place_in_the_runbook() -> None:
    places = re.findall(r"^## (Steward\w+)$", RUNBOOK, re.MULTILINE)
    assert places == list(ALERTS), "the runbook tells of the alerts in their order"
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{name.lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}
        section = RUNBOOK.split(f"## {name}\n")[1].split("\n## ")[0]
        for part in ("**What people notice:**", "**Look:**", "**Do:**"):
            assert part in section, f"{name} lacks {part}"


def test_alerts_watch_what_is_measured() -> None:
    for name, rule in ALERTS.items():
        assert metrics_in(rule["expr"]) or "up{" in rule["expr"], (
            f"{name} watches nothing that Steward measures"
        )
