"""Which releases may work on the schema: one of them may start again while a newer replaces it.

A later migration that they can't live with raises `oldest` to its own revision.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    readers = op.create_table(
        "schema_readers",
        sa.Column("oldest", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("oldest", name="pk_schema_readers"),
    )
    op.bulk_insert(readers, [{"oldest": revision}])


def downgrade() -> None:
    op.drop_table("schema_readers")
