"""What production needs: keys, switches, used proofs, erased jobs, and each open case as it stands.

What goes to Temporal is encrypted at once where nothing has gone there yet. Where jobs run already,
processes of the release before may run beside this one's and could not read it: there it is
switched on later, by `steward up` or `steward keys start`.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from store.schema import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_EVER = datetime(2000, 1, 1, tzinfo=UTC)
"""Since when all is encrypted where nothing has ever gone to Temporal: no plain message of ours is
under way there, as it may be for a while where it was switched on."""


_KEPT = ("snapshot", "in_turn", "began_with")
"""What a lifecycle goes on from whose workflow Temporal has lost."""


def upgrade() -> None:
    for name in _KEPT:
        op.add_column("lifecycles", sa.Column(name, sa.LargeBinary))
    op.create_table(
        "ring_keys",
        sa.Column("id", sa.String(8), nullable=False),
        sa.Column("check", sa.String(64), nullable=False),
        sa.Column("known_since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ring_keys"),
    )
    op.create_table(
        "data_keys",
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("ring_key_id", sa.String(8), nullable=False),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("destroyed_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_data_keys"),
        sa.UniqueConstraint("job_id", name="uq_data_keys_job_id"),
    )
    switches = op.create_table(
        "switches",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_switches"),
    )
    op.create_table(
        "proofs_used",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_proofs_used"),
    )
    op.create_index("ix_proofs_used_used_at", "proofs_used", ["used_at"])
    op.create_table(
        "erased_jobs",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("erased_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_erased_jobs"),
    )
    if _nothing_runs():
        on = {"name": "payloads", "is_on": True, "since": _EVER}
        op.bulk_insert(switches, [on])


def _nothing_runs() -> bool:
    """Return whether no lifecycle has ever been started from this store."""
    lifecycles = sa.table("lifecycles", sa.column("workflow_id"))
    found = op.get_bind().execute(sa.select(lifecycles.c.workflow_id).limit(1)).first()
    return found is None


def downgrade() -> None:
    for table in ("erased_jobs", "proofs_used", "switches", "data_keys", "ring_keys"):
        op.drop_table(table)
    for name in _KEPT:
        op.drop_column("lifecycles", name)
