"""One open exception of a code; what an episode leaves to the next; jobs as they were told."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NOT_COMPLETE = sa.text("status != 'Complete'")


def upgrade() -> None:
    op.create_index(
        "ix_exceptions_open",
        "exceptions",
        ["job_id", "code"],
        unique=True,
        sqlite_where=_NOT_COMPLETE,
        postgresql_where=_NOT_COMPLETE,
    )
    op.add_column("jobs", sa.Column("as_told", sa.JSON(none_as_null=True), nullable=True))
    with op.batch_alter_table("lifecycles", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("remembered", sa.JSON(none_as_null=True), nullable=False, server_default="{}")
        )
    with op.batch_alter_table("lifecycles", schema=None) as batch_op:
        batch_op.alter_column("remembered", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("lifecycles", schema=None) as batch_op:
        batch_op.drop_column("remembered")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_column("as_told")
    op.drop_index("ix_exceptions_open", table_name="exceptions")
