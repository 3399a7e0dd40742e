"""What others are asked and told: the outbox, how they answer, and the ids of added jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("destination", sa.String(20), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("workflow_id", sa.String(120)),
        sa.Column("what", sa.String(60), nullable=False),
        sa.Column("subject", sa.String(40)),
        sa.Column("key", sa.String(500), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True)),
        sa.Column("changed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_index("ix_outbox_state", "outbox", ["destination", "state", "id"])
    op.create_index("ix_outbox_job", "outbox", ["job_id", "destination", "state", "id"])
    op.create_table(
        "destinations",
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("retry_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("name", name="pk_destinations"),
    )
    op.create_table(
        "reconciliations",
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("cursor", sa.Text),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(timezone=True)),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("missed", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_reconciliations"),
    )
    with op.batch_alter_table("service_jobs") as service_jobs:
        service_jobs.add_column(sa.Column("added_job_id", sa.String(64)))
    for table in ("tasks", "exceptions"):
        op.add_column(table, sa.Column("is_told", sa.Boolean))


def downgrade() -> None:
    for table in ("exceptions", "tasks"):
        op.drop_column(table, "is_told")
    with op.batch_alter_table("service_jobs") as service_jobs:
        service_jobs.drop_column("added_job_id")
    op.drop_table("reconciliations")
    op.drop_table("destinations")
    op.drop_table("outbox")
