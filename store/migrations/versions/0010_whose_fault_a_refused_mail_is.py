"""A mail says whose fault it is that it is not taken, and whether it was withdrawn."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("emails") as emails:
        emails.add_column(sa.Column("fault", sa.String(20)))
        emails.add_column(sa.Column("withdrawn_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    with op.batch_alter_table("emails") as emails:
        emails.drop_column("withdrawn_at")
        emails.drop_column("fault")
