"""The stage that a path names."""

from callwatch.exceptions import NotFound
from callwatch.pipeline.queries.stage import Stage, StageFile


def find_stage(stages: StageFile, name: str) -> Stage:
    """The stage of this name. Raises NotFound naming the stages."""
    stage = stages.get_stage(name)
    if stage is None:
        raise NotFound(f"the stage must be one of {', '.join(stage.name for stage in stages.stages)}")
    return stage
