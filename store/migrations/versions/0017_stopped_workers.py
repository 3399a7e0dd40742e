"""Which workers have stopped, so that a copy of the store need not wait for them."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stopped_workers",
        sa.Column("identity_hash", sa.String(64), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("identity_hash", name="pk_stopped_workers"),
    )


def downgrade() -> None:
    op.drop_table("stopped_workers")
