"""Lists of jobs are read in the order in which they are due, rather than sorted."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_lifecycles_due", "lifecycles", ["due_at", "workflow_id"])


def downgrade() -> None:
    op.drop_index("ix_lifecycles_due", table_name="lifecycles")
