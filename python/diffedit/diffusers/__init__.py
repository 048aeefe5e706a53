"""In place of diffusers' StableDiffusionDiffEditPipeline: the same calls, computed by diffedit.

    from diffedit.diffusers import (DDIMInverseScheduler, DDIMScheduler,
                                    StableDiffusionDiffEditPipeline)

docs/PYTHON.md, "In place of diffusers' pipeline", says what each method takes. Neither diffusers
nor torch is needed; where torch is installed, tensors are returned as there, else arrays."""
from .outputs import DiffEditInversionPipelineOutput, StableDiffusionPipelineOutput
from .pipeline import StableDiffusionDiffEditPipeline
from .schedulers import DDIMInverseScheduler, DDIMScheduler

__all__ = ["DDIMInverseScheduler", "DDIMScheduler", "DiffEditInversionPipelineOutput",
           "StableDiffusionDiffEditPipeline", "StableDiffusionPipelineOutput"]
