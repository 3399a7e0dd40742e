"""The store knows the namespace that it belongs to, and which lifecycles were lost in Temporal."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("lifecycles") as lifecycles:
        lifecycles.add_column(sa.Column("lost_at", _AT))
        lifecycles.add_column(sa.Column("before_loss", sa.JSON(none_as_null=True)))
        lifecycles.create_index("ix_lifecycles_lost_at", ["lost_at"])
    op.create_table(
        "temporal_namespace",
        sa.Column("key", sa.String(20), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("namespace_id", sa.String(100), nullable=False),
        sa.Column("adopted_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_temporal_namespace"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("holder", sa.String(100), nullable=False),
        sa.Column("until", _AT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def downgrade() -> None:
    op.drop_table("leases")
    op.drop_table("temporal_namespace")
    with op.batch_alter_table("lifecycles") as lifecycles:
        lifecycles.drop_index("ix_lifecycles_lost_at")
        lifecycles.drop_column("before_loss")
        lifecycles.drop_column("lost_at")
