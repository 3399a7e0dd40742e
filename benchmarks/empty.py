"""A workflow that does nothing: what the sandbox costs by itself."""

from temporalio import workflow


@workflow.defn
class Empty:
    """Starts and ends."""

    @workflow.run
    async def run(self) -> None:
        """Do nothing."""
