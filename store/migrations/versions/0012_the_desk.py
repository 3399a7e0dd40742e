"""What the desk needs: who is signed in, who read what, who has a task, and what changed when."""

import sqlalchemy as sa
from alembic import op

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
        sa.Column("token_id", sa.String(20)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
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
    for name in ("changed_at", "overdue_since"):
        op.add_column("lifecycles", sa.Column(name, sa.DateTime(timezone=True)))
    op.create_index("ix_lifecycles_changed_at", "lifecycles", ["changed_at"])
    op.add_column("tasks", sa.Column("taken_by_name", sa.String(200)))
    op.add_column("tasks", sa.Column("taken_by_role", sa.String(40)))
    op.add_column("tasks", sa.Column("taken_at", sa.DateTime(timezone=True)))
    op.add_column("tasks", sa.Column("reopened", sa.Integer, nullable=False, server_default="0"))
    op.add_column("tasks", sa.Column("undo", sa.JSON))
    op.add_column("tasks", sa.Column("changed_at", sa.DateTime(timezone=True)))
    op.create_index("ix_tasks_changed_at", "tasks", ["changed_at"])
    op.create_index("ix_tasks_of_role", "tasks", ["role", "status", "at", "id"])
    op.create_index("ix_tasks_closed_of_role", "tasks", ["role", "closed_at", "id"])


def downgrade() -> None:
    for name in ("ix_tasks_closed_of_role", "ix_tasks_of_role", "ix_tasks_changed_at"):
        op.drop_index(name, "tasks")
    for name in ("changed_at", "undo", "reopened", "taken_at", "taken_by_role", "taken_by_name"):
        op.drop_column("tasks", name)
    op.drop_index("ix_lifecycles_changed_at", "lifecycles")
    for name in ("overdue_since", "changed_at"):
        op.drop_column("lifecycles", name)
    op.drop_table("reads")
    op.drop_table("sessions")
