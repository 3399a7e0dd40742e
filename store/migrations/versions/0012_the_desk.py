"""What the desk needs: who is signed in, who read what, who has a task, and what changed when."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from store.jobs import customer_words
from store.schema import UtcDateTime
from store.urgency import urgent_at

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("token_digest", sa.String(64)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "reads",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reads"),
        sa.UniqueConstraint("day", "name", "role", "job_id", name="uq_reads_day_name_role_job_id"),
    )
    op.create_index("ix_reads_job_id", "reads", ["job_id"])
    op.add_column("lifecycles", sa.Column("call", sa.JSON))
    _urgency()
    _customers()
    told = ["outcome", "closed_at", "rule", "waiting_on", "workflow_id"]
    op.create_index("ix_promises_told", "promises", told)
    for table in ("emails", "outbox"):
        op.create_index(f"ix_{table}_changed_at", table, ["changed_at"])
    op.add_column("tasks", sa.Column("taken_by_name", sa.String(200)))
    op.add_column("tasks", sa.Column("taken_by_role", sa.String(40)))
    op.add_column("tasks", sa.Column("taken_at", sa.DateTime(timezone=True)))
    op.add_column("tasks", sa.Column("reopened", sa.Integer, nullable=False, server_default="0"))
    op.add_column("tasks", sa.Column("undo", sa.JSON))
    op.add_column("tasks", sa.Column("changed_at", sa.DateTime(timezone=True)))
    op.create_index("ix_tasks_changed_at", "tasks", ["changed_at"])
    op.create_index("ix_tasks_of_role", "tasks", ["role", "status", "at", "id"])
    op.create_index("ix_tasks_closed_of_role", "tasks", ["role", "closed_at", "id"])


def _urgency() -> None:
    """Have every lifecycle say when it changed last, and where urgency puts it in a list."""
    with op.batch_alter_table("lifecycles") as lifecycles:
        for name in ("urgent_at", "changed_at"):
            lifecycles.add_column(sa.Column(name, UtcDateTime()))
        lifecycles.add_column(sa.Column("duty", sa.Text))
    table = sa.table(
        "lifecycles",
        sa.column("workflow_id", sa.String),
        sa.column("due_at", UtcDateTime()),
        sa.column("outcome", sa.String),
        sa.column("attention_since", sa.JSON),
        sa.column("urgent_at", UtcDateTime()),
    )
    now = datetime.now(UTC)
    keep = table.update().where(table.c.workflow_id == sa.bindparam("of"))
    for row in op.get_bind().execute(sa.select(table)).all():
        at = urgent_at(row.due_at, row.attention_since, row.outcome, now)
        op.get_bind().execute(keep.values(urgent_at=at), {"of": row.workflow_id})
    with op.batch_alter_table("lifecycles") as lifecycles:
        lifecycles.alter_column("urgent_at", nullable=False)
    op.create_index("ix_lifecycles_changed_at", "lifecycles", ["changed_at"])
    op.create_index(
        "ix_lifecycles_open_urgent", "lifecycles", ["outcome", "urgent_at", "workflow_id"]
    )


def _customers() -> None:
    """Have every job say when it changed last, and by which words its customer is found.

    And whether it is over, so that those that nobody follows are found quickly.
    """
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("customer_words", sa.Text))
        jobs.add_column(sa.Column("changed_at", UtcDateTime()))
        jobs.add_column(sa.Column("is_over", sa.Boolean))
    table = sa.table(
        "jobs",
        sa.column("job_id", sa.String),
        sa.column("job", sa.JSON),
        sa.column("customer_words", sa.Text),
        sa.column("is_over", sa.Boolean),
    )
    keep = table.update().where(table.c.job_id == sa.bindparam("of"))
    for row in op.get_bind().execute(sa.select(table.c.job_id, table.c.job)).all():
        customer = row.job.get("customer") or {}
        said = customer_words(customer.get("name"), customer.get("phone"))
        is_over = row.job.get("status") in ("Cancelled", "Completed")
        kept = keep.values(customer_words=said, is_over=is_over)
        op.get_bind().execute(kept, {"of": row.job_id})
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("customer_words", nullable=False)
        jobs.alter_column("is_over", nullable=False)
    op.create_index("ix_jobs_over", "jobs", ["is_over", "job_id"])
    for name in ("changed_at", "trade"):
        op.create_index(f"ix_jobs_{name}", "jobs", [name])


def downgrade() -> None:
    op.drop_index("ix_promises_told", "promises")
    for table in ("emails", "outbox"):
        op.drop_index(f"ix_{table}_changed_at", table)
    for name in ("ix_tasks_closed_of_role", "ix_tasks_of_role", "ix_tasks_changed_at"):
        op.drop_index(name, "tasks")
    for name in ("changed_at", "undo", "reopened", "taken_at", "taken_by_role", "taken_by_name"):
        op.drop_column("tasks", name)
    for name in ("over", "trade", "changed_at"):
        op.drop_index(f"ix_jobs_{name}", "jobs")
    for name in ("is_over", "changed_at", "customer_words"):
        op.drop_column("jobs", name)
    op.drop_index("ix_lifecycles_open_urgent", "lifecycles")
    op.drop_index("ix_lifecycles_changed_at", "lifecycles")
    for name in ("call", "changed_at", "urgent_at", "duty"):
        op.drop_column("lifecycles", name)
    op.drop_table("reads")
    op.drop_table("sessions")
