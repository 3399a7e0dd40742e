"""A lifecycle says what whoever is on the phone does and says now."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LINES = sa.JSON(none_as_null=True)


def upgrade() -> None:
    with op.batch_alter_table("lifecycles") as lifecycles:
        lifecycles.add_column(sa.Column("guide", _LINES, nullable=False, server_default="[]"))
    with op.batch_alter_table("lifecycles") as lifecycles:
        lifecycles.alter_column("guide", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("lifecycles") as lifecycles:
        lifecycles.drop_column("guide")
