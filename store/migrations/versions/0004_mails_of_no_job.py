"""A mail may be about no single job, as a specialist's digest is."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_JOB_ID = sa.String(64)


def upgrade() -> None:
    with op.batch_alter_table("emails") as emails:
        emails.alter_column("job_id", existing_type=_JOB_ID, nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM emails WHERE job_id IS NULL")
    with op.batch_alter_table("emails") as emails:
        emails.alter_column("job_id", existing_type=_JOB_ID, nullable=False)
