"""How long it is known what became of a mail: the settings of the traces."""

from pydantic import Field

from config.units import DAY, GIB, MIB
from config.values import Duration, Section, Size


class Traces(Section):
    """The traces that each mail leaves, for `kwcmaild trace`."""

    keep: Duration = Field(
        default=90 * DAY, ge=1, description="How long it is kept what became of a mail; then it is deleted."
    )
    most: Size = Field(
        default=4 * GIB,
        ge=MIB,
        description="How much room the traces may take on the disk; beyond it the oldest go first.",
    )
    subjects: bool = Field(
        default=True,
        description="Whether subjects are kept with them, so that administrators find a mail by its subject.",
    )
