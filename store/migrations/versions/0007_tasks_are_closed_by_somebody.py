"""A task says who closed it and what came of it; attention says since when it stands, and why."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OPEN_FIRST = "ix_tasks_open_first"


def upgrade() -> None:
    with op.batch_alter_table("tasks") as tasks:
        tasks.add_column(sa.Column("closed_by_name", sa.String(200)))
        tasks.add_column(sa.Column("closed_by_role", sa.String(40)))
        tasks.add_column(sa.Column("closed_with", sa.String(200)))
        tasks.add_column(sa.Column("outcome", sa.Text))
    op.create_index(_OPEN_FIRST, "tasks", [sa.text("status DESC"), "at", "id"])
    with op.batch_alter_table("lifecycles") as lifecycles:
        lifecycles.add_column(
            sa.Column(
                "attention_since",
                sa.JSON(none_as_null=True),
                nullable=False,
                server_default="{}",
            )
        )
    with op.batch_alter_table("lifecycles") as lifecycles:
        lifecycles.alter_column("attention_since", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("lifecycles") as lifecycles:
        lifecycles.drop_column("attention_since")
    op.drop_index(_OPEN_FIRST, table_name="tasks")
    with op.batch_alter_table("tasks") as tasks:
        tasks.drop_column("outcome")
        tasks.drop_column("closed_with")
        tasks.drop_column("closed_by_role")
        tasks.drop_column("closed_by_name")
